import protobuf from 'protobufjs'
import { MapValue, isArray, vectorElements, type Value } from '../values/value.ts'
import { Meaning, meaningOf, readValue, writeValue, type ReadValue } from './property-value.ts'
import { WireError, tag, readFields, writeMessage, writeString, VARINT, type FieldReader } from './wire.ts'

// Field numbers of storage_onestore_v3.EntityProto and its Property.
const KEY = 13
const PROPERTY = 14
const RAW_PROPERTY = 15
const ENTITY_GROUP = 16
const APP = 13
const PATH = 14
const MEANING = 1
const NAME = 3
const MULTIPLE = 4
const VALUE = 5

const VECTOR_PROPERTY = '__vector__'
// Documents are 20 levels deep at most.
const MAX_NESTING = 100

interface Property {
  readonly field: typeof PROPERTY | typeof RAW_PROPERTY
  readonly name: string
  readonly meaning: number | undefined
  readonly multiple: boolean
  /** undefined: an array without elements. */
  readonly value: Value | undefined
}

const writeProperty = (writer: protobuf.Writer, { field, name, meaning, multiple, value }: Property): void => {
  writeMessage(writer, field, () => {
    if (meaning !== undefined) writer.uint32(tag(MEANING, VARINT)).uint32(meaning)
    writeString(writer, NAME, name)
    writer.uint32(tag(MULTIPLE, VARINT)).bool(multiple)
    writeMessage(writer, VALUE, () => {
      if (value !== undefined) writeValue(writer, value, encodeMap)
    })
  })
}

const writeElement = (writer: protobuf.Writer, name: string, value: Value, multiple: boolean): void =>
  writeProperty(writer, { field: RAW_PROPERTY, name, meaning: meaningOf(value), multiple, value })

/** An array becomes a property for each element; one without elements is a property of its own kind, before all others. */
export const writeProperties = (writer: protobuf.Writer, { keys, values }: MapValue): void => {
  for (const [i, name] of keys.entries()) {
    const value = values[i]
    if (!isArray(value) || value.length > 0) continue
    writeProperty(writer, { field: PROPERTY, name, meaning: Meaning.EMPTY_LIST, multiple: false, value: undefined })
  }
  for (const [i, name] of keys.entries()) {
    const value = values[i] as Value
    if (isArray(value)) for (const element of value) writeElement(writer, name, element, true)
    else writeElement(writer, name, value, false)
  }
}

/** A map is an entity without a key; a vector one whose elements have a name of their own. */
const encodeMap = (map: MapValue): Uint8Array => {
  const writer = protobuf.Writer.create()
  writeMessage(writer, KEY, () => {
    writeString(writer, APP, '')
    writeMessage(writer, PATH, () => {})
  })
  const vector = vectorElements(map)
  if (vector) for (const element of vector) writeElement(writer, VECTOR_PROPERTY, element, true)
  else writeProperties(writer, map)
  writeMessage(writer, ENTITY_GROUP, () => {})
  return writer.finish()
}

const decodeMap = (bytes: Uint8Array, depth: number): MapValue => {
  if (depth > MAX_NESTING) throw new WireError('maximum nesting depth exceeded')
  const fields = new FieldsOfEntity(depth)
  readFields(bytes, (field) => {
    if (field.field === PROPERTY || field.field === RAW_PROPERTY) fields.read(field, 'raw')
  })
  const map = fields.build('')
  const vector = map.get(VECTOR_PROPERTY)
  if (vector === undefined) return map
  return new MapValue(['__type__', 'value'], ['__vector__', isArray(vector) ? vector : [vector]])
}

const readProperty = (field: FieldReader) => {
  const read = { meaning: 0, name: '', multiple: false, bytes: new Uint8Array() as Uint8Array }
  field.fields((part) => {
    if (part.field === MEANING) read.meaning = Number(part.int64())
    else if (part.field === NAME) read.name = part.text()
    else if (part.field === MULTIPLE) read.multiple = part.int64() !== 0n
    else if (part.field === VALUE) read.bytes = part.bytes()
  })
  return read
}

/** Gathers the properties of an entity, and makes fields of them. */
export class FieldsOfEntity {
  readonly #depth: number
  readonly #fields = new Map<string, ReadValue | ReadValue[]>()

  constructor(depth = 0) {
    this.#depth = depth
  }

  /**
   * Takes a property. References in indexed properties, as exports of Google Cloud have them, are to documents of the
   * project that imports them; in others, they keep their project.
   */
  read(field: FieldReader, kind: 'indexed' | 'raw'): void {
    const { name, meaning, multiple, bytes } = readProperty(field)
    const known = this.#fields.get(name)
    if (meaning === Meaning.EMPTY_LIST) {
      if (known === undefined) this.#fields.set(name, [])
      return
    }
    const value = readValue(bytes, meaning, kind === 'indexed', (map) => decodeMap(map, this.#depth + 1))
    if (!multiple) this.#fields.set(name, value)
    else if (Array.isArray(known)) known.push(value)
    else this.#fields.set(name, [value])
  }

  build(project: string): MapValue {
    const entries = [...this.#fields].map(([name, read]): [string, Value] => [
      name,
      Array.isArray(read) ? read.map((element) => element(project)) : read(project),
    ])
    return MapValue.from(entries)
  }
}
