/**
 * The flags of a command line as the Firebase CLI builds it: `--key=value` and `--key value`; a flag without a value is
 * 'true'. What does not begin with `--` is left out, so Java's own options may stand before.
 */
export const parseFlags = (argv: readonly string[]): Record<string, string> => {
  const flags: Record<string, string> = {}
  argv.forEach((argument, index) => {
    if (!argument.startsWith('--')) return
    const equals = argument.indexOf('=')
    if (equals > 0) {
      flags[argument.slice(2, equals)] = argument.slice(equals + 1)
      return
    }
    const next = argv[index + 1]
    flags[argument.slice(2)] = next === undefined || next.startsWith('--') ? 'true' : next
  })
  return flags
}

/** The port that a flag asks for. Throws a `RangeError` that names the flag when it is not one. */
export const portOf = (flag: string, text: string | undefined, otherwise: number): number => {
  if (text === undefined) return otherwise
  const port = Number(text)
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new RangeError(`--${flag}: expected a port between 0 and 65535, got "${text}"`)
  }
  return port
}
