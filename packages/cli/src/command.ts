import { constants } from 'node:os'
import { InvalidArgumentError } from 'commander'
import colors from 'picocolors'

/** Errors that are about what was asked, not about the program, and the exit code of each: their message says it all. */
const exitCodes: Readonly<Record<string, number>> = {
  'not-a-recording': 1,
  'suite-not-started': 1,
  'not-folded': 1,
  'no-suite': 1,
  'webhook-refused': 1,
  'api-refused': 1,
  'ledger-fault': 1,
  'not-anchored': 1,
  'credential-refused': 1,
  'command-not-started': 127,
  EEXIST: 1,
}

/** No suite runs, and none was to be started. */
export class NoSuiteError extends Error {
  readonly code = 'no-suite'
}

/** The reason of an abort by a signal. */
export class StoppedError extends Error {
  readonly code = 'stopped'
  readonly signal: NodeJS.Signals

  constructor(signal: NodeJS.Signals) {
    super(`stopped by ${signal}`)
    this.signal = signal
  }
}

/** Runs a command to its end; a failure is told in a line on stderr and makes the exit code 1. */
export const runCommand = async (command: () => Promise<void>): Promise<void> => {
  try {
    await command()
  } catch (error) {
    const stopped = stoppedBy(error)
    if (stopped) {
      process.exitCode = 128 + constants.signals[stopped.signal]
      return
    }
    const code = error instanceof Error && 'code' in error ? exitCodes[String(error.code)] : undefined
    const text =
      error instanceof Error ? (code === undefined ? (error.stack ?? error.message) : error.message) : String(error)
    process.stderr.write(`${colors.red('error')} ${text}\n`)
    // Connections that wait for what will not come would hold the process; what it started is killed as it exits.
    process.exit(code ?? 1)
  }
}

// Node's own functions wrap the reason of an abort.
const stoppedBy = (error: unknown): StoppedError | undefined => {
  if (error instanceof StoppedError) return error
  return error instanceof Error && error.name === 'AbortError' ? stoppedBy(error.cause) : undefined
}

/** A parser of a numeric argument, for commander, which adds the argument's name to its message. */
export const numberFrom =
  (min: number, max: number, { whole = false } = {}) =>
  (text: string): number => {
    const value = Number(text)
    const isValid = text.trim() !== '' && value >= min && value <= max && (!whole || Number.isInteger(value))
    if (!isValid) throw new InvalidArgumentError(`must be a ${whole ? 'whole ' : ''}number from ${min} to ${max}`)
    return value
  }

/** The last line a measuring command prints with `--json`. */
export const printJson = (value: object): void => {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

// npm passes a terminal's Ctrl-C on to a process that has it from the terminal already: two that come together are one.
const sameKeystrokeMs = 500
const parentCheckMs = 500

/**
 * Aborts at the first SIGINT, SIGTERM or SIGHUP: whoever works under the signal cleans up. The next one ends the process at
 * once; what it started is killed as it exits.
 *
 * @param withParent aborts too when the process that started this one is gone: a shell that npm runs a script in does not
 *   pass signals on, and dies alone
 */
export const stopSignal = ({ withParent = false } = {}): AbortSignal => {
  const controller = new AbortController()
  let stoppedAt: number | undefined
  const heard = (signal: NodeJS.Signals) => {
    if (stoppedAt === undefined) {
      stoppedAt = performance.now()
      controller.abort(new StoppedError(signal))
    } else if (signal !== 'SIGHUP' && performance.now() - stoppedAt > sameKeystrokeMs)
      // A terminal that closes meanwhile is no second wish.
      process.exit(128 + constants.signals[signal])
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, heard)
  const parent = process.ppid
  const watchParent = () => {
    if (process.ppid !== parent && stoppedAt === undefined) heard('SIGHUP')
  }
  if (withParent) setInterval(watchParent, parentCheckMs).unref()
  return controller.signal
}
