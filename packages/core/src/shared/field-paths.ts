type Fields = Readonly<Record<string, unknown>>

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.getPrototypeOf(value) === Object.prototype

/** What a document holds at a path such as `target.url`; undefined where it has no such field. */
export const valueAt = (document: Fields, path: string): unknown => {
  let value: unknown = document
  for (const name of path.split('.')) {
    if (!isFields(value) || !Object.hasOwn(value, name)) return undefined
    value = value[name]
  }
  return value
}

/** The document with another value at a path that it has; what is beside the path stays the same objects. */
export const withValueAt = (document: Fields, path: string, value: unknown): Fields => {
  const [name = '', ...rest] = path.split('.')
  const held = document[name]
  if (rest.length === 0) return { ...document, [name]: value }
  return isFields(held) ? { ...document, [name]: withValueAt(held, rest.join('.'), value) } : document
}
