/**
 * JSON in its one canonical form: no white space, members sorted by the UTF-16 code units of their names, numbers and
 * strings as ECMAScript writes them. Members that are undefined are left out, as `JSON.stringify` does.
 *
 * @throws TypeError for what JSON does not have: a number that is not finite, a lone surrogate, a function
 * @see https://www.rfc-editor.org/rfc/rfc8785
 */
export const canonicalJson = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).filter(([, member]) => member !== undefined)
    members.sort(([a], [b]) => (a < b ? -1 : 1))
    return `{${members.map(([name, member]) => `${textOf(name)}:${canonicalJson(member)}`).join(',')}}`
  }
  if (typeof value === 'string') return textOf(value)
  if (value === null || typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value)))
    return JSON.stringify(value)
  throw new TypeError(`what is a ${typeof value} here is no value that JSON has`)
}

const textOf = (text: string): string => {
  if (!text.isWellFormed()) throw new TypeError('a string with a lone surrogate is no Unicode text')
  return JSON.stringify(text)
}
