/** JSON to be written. Objects are maps, which keep the order of names and take any name. */
export type JsonOut = null | boolean | number | string | Double | readonly JsonOut[] | ReadonlyMap<string, JsonOut>

/** A double, which is written as Google's servers do: `1.0`, `1.0E7`. */
export class Double {
  readonly value: number

  constructor(value: number) {
    this.value = value
  }

  toString(): string {
    const { value } = this
    const magnitude = Math.abs(value)
    if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0'
    if (magnitude >= 1e-3 && magnitude < 1e7) return Number.isInteger(value) ? `${value}.0` : String(value)
    const [mantissa = '', exponent = ''] = value.toExponential().split('e')
    return `${mantissa.includes('.') ? mantissa : `${mantissa}.0`}E${exponent.replace('+', '')}`
  }
}

const write = (json: JsonOut, newline: string, colon: string, comma: string): string => {
  if (typeof json === 'string') return JSON.stringify(json)
  if (json === null || typeof json !== 'object' || json instanceof Double) return String(json)
  if (json instanceof Map) {
    const inner = newline === '' ? '' : `${newline}  `
    let text = ''
    for (const [name, value] of json as ReadonlyMap<string, JsonOut>) {
      text += `${text === '' ? '' : ','}${inner}${JSON.stringify(name)}${colon}${write(value, inner, colon, comma)}`
    }
    return `{${text}${newline}}`
  }
  return `[${(json as readonly JsonOut[]).map((one) => write(one, newline, colon, comma)).join(comma)}]`
}

/** On one line, without spaces. */
export const compactJson = (json: JsonOut): string => write(json, '', ':', ',')

/** As Google's servers print it: each member of an object on a line, arrays along the line. */
export const prettyJson = (json: JsonOut): string => write(json, '\n', ': ', ', ')

/** What `JSON.parse` gives, as JSON to be written. */
export const fromParsed = (json: unknown): JsonOut => {
  if (Array.isArray(json)) return json.map(fromParsed)
  if (typeof json !== 'object' || json === null) return json as JsonOut
  return new Map(Object.entries(json).map(([name, value]) => [name, fromParsed(value)]))
}
