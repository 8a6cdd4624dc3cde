/** Parses `host:port`. Throws a `RangeError` that names the setting when it is not that. */
export const parseAddress = (setting: string, text: string): { host: string; port: number } => {
  const match = /^(.+):(\d{1,5})$/.exec(text)
  const port = Number(match?.[2])
  if (!match?.[1] || port > 65535) throw new RangeError(`${setting}: expected host:port, got "${text}"`)
  return { host: match[1], port }
}
