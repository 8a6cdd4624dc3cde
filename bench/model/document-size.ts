/** https://cloud.google.com/firestore/docs/storage-size */
const stringBytes = (text: string): number => Buffer.byteLength(text) + 1

const valueBytes = (value: unknown): number => {
  if (value === null || typeof value === 'boolean') return 1
  if (typeof value === 'number') return 8
  if (typeof value === 'string') return stringBytes(value)
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + valueBytes(item), 0)
  if (typeof value === 'object') return fieldsBytes(value)
  return 0
}

const fieldsBytes = (fields: object): number =>
  Object.entries(fields).reduce((sum, [name, value]) => sum + stringBytes(name) + valueBytes(value), 0)

const nameBytes = (path: string): number => path.split('/').reduce((sum, segment) => sum + stringBytes(segment), 0) + 16

/**
 * What a document counts for in Firestore's storage and in units of Enterprise edition, without its index entries.
 *
 * @param path `{collection}/{id}`, and so on for a document below another
 */
export const documentBytes = (path: string, fields: object): number => nameBytes(path) + fieldsBytes(fields) + 32
