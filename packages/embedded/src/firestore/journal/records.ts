import protobuf from 'protobufjs'
import type { CommitEvent } from '../store/database.ts'
import type { Store } from '../store/store.ts'
import { documentsNow, type StoredDocument } from '../store/snapshot.ts'
import type { DocumentNode, LiveVersion } from '../store/tree.ts'
import { decodeDocument, encodeDocument } from '../values/codec.ts'
import { MapValue } from '../values/value.ts'

// A record is one commit, or a part of a snapshot. In protobuf's wire format, times in microseconds as doubles:
//
//   1 time of the commit or the snapshot   2 put: a document that is   3 delete: the name of one that is not
//   4 snapshot: bool
//   put: 1 google.firestore.v1.Document   2 its create time   3 its update time
const TIME = (1 << 3) | 1
const PUT = (2 << 3) | 2
const DELETE = (3 << 3) | 2
const SNAPSHOT = (4 << 3) | 0
const PUT_DOCUMENT = (1 << 3) | 2
const PUT_CREATE_TIME = (2 << 3) | 1
const PUT_UPDATE_TIME = (3 << 3) | 1

// A part of a snapshot gets this large before the next begins: what is encoded before others have their turn.
const PART_BYTES = 256 * 1024

const put = (node: DocumentNode, { fields, createTime, time }: LiveVersion, writer: protobuf.Writer): void => {
  writer.uint32(PUT).fork()
  encodeDocument({ name: node.name, fields }, writer.uint32(PUT_DOCUMENT).fork()).ldelim()
  writer.uint32(PUT_CREATE_TIME).double(createTime)
  writer.uint32(PUT_UPDATE_TIME).double(time)
  writer.ldelim()
}

/** The record of a commit. */
export const commitRecord = ({ time, changes }: CommitEvent): Uint8Array => {
  const writer = protobuf.Writer.create()
  writer.uint32(TIME).double(time)
  for (const { node, after } of changes) {
    if (after.fields) put(node, after as LiveVersion, writer)
    else writer.uint32(DELETE).string(node.name)
  }
  return writer.finish()
}

/** The records of all documents as they are when this is called, at `time`, in parts that are made as they are asked for. */
export const snapshotRecords = (store: Store, time: number): Iterable<Uint8Array> =>
  parts([...store.databases].flatMap(documentsNow), time)

function* parts(documents: readonly StoredDocument[], time: number): Generator<Uint8Array> {
  const begin = () => protobuf.Writer.create().uint32(TIME).double(time).uint32(SNAPSHOT).bool(true)
  let writer = begin()
  for (const [node, version] of documents) {
    put(node, version, writer)
    if (writer.len < PART_BYTES) continue
    yield writer.finish()
    writer = begin()
  }
  yield writer.finish()
}

/** A document in a record. */
export interface Put {
  name: string
  fields: MapValue
  createTime: number
  updateTime: number
}

export interface JournalRecord {
  time: number
  isSnapshot: boolean
  puts: Put[]
  deletes: string[]
}

const readPut = (reader: protobuf.Reader, length: number): Put => {
  const read: Put = { name: '', fields: MapValue.EMPTY, createTime: 0, updateTime: 0 }
  const end = reader.pos + length
  while (reader.pos < end) {
    const tag = reader.uint32()
    if (tag === PUT_DOCUMENT) Object.assign(read, decodeDocument(reader, reader.uint32()))
    else if (tag === PUT_CREATE_TIME) read.createTime = reader.double()
    else if (tag === PUT_UPDATE_TIME) read.updateTime = reader.double()
    else reader.skipType(tag & 7)
  }
  return read
}

/** Throws a `RangeError` when the bytes are no record. */
export const readRecord = (bytes: Uint8Array): JournalRecord => {
  const reader = protobuf.Reader.create(bytes)
  const read: JournalRecord = { time: 0, isSnapshot: false, puts: [], deletes: [] }
  while (reader.pos < reader.len) {
    const tag = reader.uint32()
    if (tag === TIME) read.time = reader.double()
    else if (tag === PUT) read.puts.push(readPut(reader, reader.uint32()))
    else if (tag === DELETE) read.deletes.push(reader.string())
    else if (tag === SNAPSHOT) read.isSnapshot = reader.bool()
    else reader.skipType(tag & 7)
  }
  return read
}
