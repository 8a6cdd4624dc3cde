import type { protos } from '@google-cloud/firestore-api'

type Value = protos.google.firestore.v1.IValue
type Fields = Record<string, Value>

/** What JSON can say; undefined in a map is left out, as JSON does. */
export type PlainFields = Readonly<Record<string, unknown>>

export const isMap = (value: unknown): value is PlainFields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Fields as Firestore's API takes them, and at most how many bytes they are there. */
export const encodeFields = (plain: PlainFields): { fields: Fields; bytesMax: number } => {
  let bytesMax = 0
  const valueOf = (plainValue: unknown): Value => {
    // A tag, a length and the wrapper's own.
    bytesMax += 16
    if (typeof plainValue === 'string') {
      bytesMax += plainValue.length < 128 ? plainValue.length * 3 : Buffer.byteLength(plainValue)
      return { stringValue: plainValue }
    }
    if (typeof plainValue === 'number')
      return Number.isSafeInteger(plainValue) && !Object.is(plainValue, -0)
        ? { integerValue: plainValue }
        : { doubleValue: plainValue }
    if (typeof plainValue === 'boolean') return { booleanValue: plainValue }
    if (plainValue === null) return { nullValue: 0 }
    if (Array.isArray(plainValue)) return { arrayValue: { values: plainValue.map(valueOf) } }
    if (isMap(plainValue)) return { mapValue: { fields: fieldsOf(plainValue) } }
    throw new TypeError(`a ${typeof plainValue} is no value that JSON has`)
  }
  const fieldsOf = (map: PlainFields): Fields => {
    const fields: Fields = {}
    for (const [name, value] of Object.entries(map)) {
      if (value === undefined) continue
      bytesMax += name.length * 3
      fields[name] = valueOf(value)
    }
    return fields
  }
  return { fields: fieldsOf(plain), bytesMax }
}

/** What `encodeFields` wrote, read back. A value of another kind is left as the API gives it, for a schema to refuse. */
export const decodeFields = (fields: Fields | null | undefined): Record<string, unknown> => {
  const plain: Record<string, unknown> = {}
  for (const name in fields) plain[name] = plainOf(fields[name] ?? {})
  return plain
}

type Int64 = NonNullable<Value['integerValue']>

/** An integer of 64 bits as protobufjs reads it. What it makes of large ones would be written as text, and read again, by `Number`. */
export const numberOf = (integer: Int64): number => (typeof integer === 'object' ? integer.toNumber() : Number(integer))

// What a value is not, it has as null, from its prototype.
const plainOf = (value: Value): unknown => {
  if (value.stringValue !== undefined && value.stringValue !== null) return value.stringValue
  if (value.integerValue !== undefined && value.integerValue !== null) return numberOf(value.integerValue)
  if (value.doubleValue !== undefined && value.doubleValue !== null) return value.doubleValue
  if (value.booleanValue !== undefined && value.booleanValue !== null) return value.booleanValue
  if (value.mapValue) return decodeFields(value.mapValue.fields)
  if (value.arrayValue) return (value.arrayValue.values ?? []).map(plainOf)
  return Object.hasOwn(value, 'nullValue') ? null : value
}
