import type protobuf from 'protobufjs'
import { numericId } from '../names.ts'
import { writeInt64, writeString, type FieldReader } from './wire.ts'

export const DEFAULT_DATABASE = '(default)'

/** What a local project is called as an application; in production it is `s~`, or another letter. */
export const APP_PREFIX = 'dev~'

/** The field numbers of an element of a path, which differ between keys and references. */
export interface PathFields {
  readonly type: number
  readonly id: number
  readonly name: number
}

/** A collection and the id of a document in it; `__id7__` is the number 7. */
export const writePathElement = (writer: protobuf.Writer, fields: PathFields, collection: string, id: string): void => {
  writeString(writer, fields.type, collection)
  const number = numericId(id)
  if (number === undefined || id !== `__id${number}__`) writeString(writer, fields.name, id)
  else writeInt64(writer, fields.id, number)
}

export const readPathElement = (element: FieldReader, fields: PathFields): [string, string] => {
  let collection = ''
  let id = ''
  element.fields((part) => {
    if (part.field === fields.type) collection = part.text()
    else if (part.field === fields.id) id = `__id${part.int64()}__`
    else if (part.field === fields.name) id = part.text()
  })
  return [collection, id]
}
