// What WebChannel puts into HTTP bodies (Closure's `WebChannelBase`, with raw JSON messages).

/** A chunk of a response: its length in UTF-16 units, as the client counts them, and the text. */
export const chunk = (text: string): string => `${text.length}\n${text}`

/** What a client sends: messages, the first of which is the `offset`th of the session. */
export interface Forward {
  readonly offset: number
  /** JSON texts. */
  readonly messages: readonly string[]
  /** Headers that the first request carries in its body, by their names in lower case. */
  readonly headers: ReadonlyMap<string, string>
}

const MAX_MESSAGES = 1000
const WHOLE_NUMBER = /^\d{1,15}$/

const wholeNumber = (text: string | null, fallback: number): number => {
  if (text === null) return fallback
  if (!WHOLE_NUMBER.test(text)) throw new SyntaxError(`"${text.slice(0, 40)}" is no whole number.`)
  return Number(text)
}

/** `Name:value` lines. */
const headersIn = (text: string): Map<string, string> => {
  const headers = new Map<string, string>()
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':')
    if (colon > 0) headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim())
  }
  return headers
}

/** Reads `headers=..&count=2&ofs=7&req0___data__=..&req1___data__=..`. Throws SyntaxError. */
export const parseForward = (body: string): Forward => {
  const form = new URLSearchParams(body)
  const count = wholeNumber(form.get('count'), 0)
  if (count > MAX_MESSAGES) throw new SyntaxError(`At most ${MAX_MESSAGES} messages are taken at a time.`)
  const messages = Array.from({ length: count }, (_, i) => {
    const message = form.get(`req${i}___data__`)
    if (message === null) throw new SyntaxError(`Message ${i} of ${count} is missing.`)
    return message
  })
  return { offset: wholeNumber(form.get('ofs'), 0), messages, headers: headersIn(form.get('headers') ?? '') }
}

/** The id of the last array that a client has; -1 for none. */
export const arrayIdOf = (parameter: string | null): number => {
  if (parameter === '-1') return -1
  return wholeNumber(parameter, -1)
}
