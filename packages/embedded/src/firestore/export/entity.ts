import protobuf from 'protobufjs'
import type { MapValue } from '../values/value.ts'
import { WireError, readFields, writeGroup, writeMessage, writeString, type FieldReader } from './wire.ts'
import { APP_PREFIX, DEFAULT_DATABASE, readPathElement, writePathElement, type PathFields } from './key-path.ts'
import { FieldsOfEntity, writeProperties } from './properties.ts'

// storage_onestore_v3.EntityProto of App Engine's datastore, in which exports of Firestore are written
// (GoogleCloudPlatform/appengine-python-standard, entity_bytes_pb2.py). The meanings of its fields are as in exports of
// Google's emulator 1.22.0, recorded in hidane-dev/hidane, crates/hidane/tests/fixtures/export_import.json.
const KEY = 13
const PROPERTY = 14
const RAW_PROPERTY = 15
const ENTITY_GROUP = 16
const REFERENCE = { APP: 13, PATH: 14, DATABASE: 23 } as const
const PATH_ELEMENT = 1
const ELEMENT: PathFields = { type: 2, id: 3, name: 4 }

/** A document in an export. Its project is not told: it is that of whoever imports it. */
export interface ExportedDocument {
  readonly database: string
  readonly segments: readonly string[]
  /** The fields as a document of `project`. */
  readonly fields: (project: string) => MapValue
}

const writePath = (writer: protobuf.Writer, segments: readonly string[]): void => {
  for (let i = 0; i < segments.length; i += 2) {
    writeGroup(writer, PATH_ELEMENT, () =>
      writePathElement(writer, ELEMENT, segments[i] as string, segments[i + 1] as string),
    )
  }
}

/** The entity of a document of `projects/{project}/databases/{database}`. */
export const encodeEntity = (
  project: string,
  database: string,
  segments: readonly string[],
  fields: MapValue,
): Uint8Array => {
  const writer = protobuf.Writer.create()
  writeMessage(writer, KEY, () => {
    writeString(writer, REFERENCE.APP, APP_PREFIX + project)
    writeMessage(writer, REFERENCE.PATH, () => writePath(writer, segments))
    if (database !== DEFAULT_DATABASE) writeString(writer, REFERENCE.DATABASE, database)
  })
  writeProperties(writer, fields)
  writeMessage(writer, ENTITY_GROUP, () => writePath(writer, segments.slice(0, 2)))
  return writer.finish()
}

const readPath = (field: FieldReader): string[] => {
  const segments: string[] = []
  field.fields((element) => {
    if (element.field === PATH_ELEMENT) segments.push(...readPathElement(element, ELEMENT))
  })
  return segments
}

/** Throws `WireError` when the bytes are no entity. */
export const decodeEntity = (bytes: Uint8Array): ExportedDocument => {
  let database = DEFAULT_DATABASE
  let segments: string[] = []
  const fields = new FieldsOfEntity()
  readFields(bytes, (field) => {
    if (field.field === KEY) {
      field.fields((part) => {
        if (part.field === REFERENCE.PATH) segments = readPath(part)
        else if (part.field === REFERENCE.DATABASE) database = part.text() || DEFAULT_DATABASE
      })
    } else if (field.field === PROPERTY) {
      fields.read(field, 'indexed')
    } else if (field.field === RAW_PROPERTY) {
      fields.read(field, 'raw')
    }
  })
  if (segments.includes('')) throw new WireError('a key lacks a collection or an id')
  return { database, segments, fields: (project) => fields.build(project) }
}
