import protobuf from 'protobufjs'
import { LogEncoder, readLog } from './leveldb-log.ts'
import { VARINT, readFields, tag, writeMessage, writeString, type FieldReader } from './wire.ts'

// The files that tell which files there are; field numbers as in what Google's emulator writes (see `entity.ts`).
//
//   {name}.overall_export_metadata   a log of two records: `3`, and a message: 1 for each part
//     part   1 version: 1 is 2, 3 is 3   2 the part's own metadata file   3 entities   4 bytes of its output files
//   *.export_metadata                a message: 1 head, 2 for each output file
//     head   1 the export's name   2, 3 begin and end in microseconds     file   1 namespace   2 name

// What the first record of the overall file says: the version of it.
const FORMAT = Buffer.from('3')

/** Some of an export: everything, as emulators write it, or one collection id, as Google Cloud does. */
export interface ExportPart {
  /** Below the overall file's folder. */
  readonly metadataFile: string
  readonly entities: number
  readonly bytes: number
}

/** An overall file of a version that is not known. */
export class VersionError extends Error {}

const number = (field: FieldReader): number => Number(field.int64())

export const encodeOverall = (parts: readonly ExportPart[]): Buffer => {
  const writer = protobuf.Writer.create()
  for (const { metadataFile, entities, bytes } of parts) {
    writeMessage(writer, 1, () => {
      writeMessage(writer, 1, () => writer.uint32(tag(1, VARINT)).uint32(2).uint32(tag(3, VARINT)).uint32(3))
      writeString(writer, 2, metadataFile)
      writer.uint32(tag(3, VARINT)).int64(entities).uint32(tag(4, VARINT)).int64(bytes)
    })
  }
  const log = new LogEncoder()
  return Buffer.concat([...log.encode(FORMAT), ...log.encode(writer.finish())])
}

/** Throws `VersionError`, `LogError` and `WireError`. */
export const decodeOverall = (bytes: Buffer): ExportPart[] => {
  const parts: ExportPart[] = []
  // What is too short for a record, or begins with another, is of another version.
  const records = startsWithFormat(bytes) ? [...readLog(bytes)].slice(1) : undefined
  if (!records) throw new VersionError('Overall export metadata file version not supported')
  for (const record of records) {
    readFields(record, (field) => {
      if (field.field !== 1) return
      const part = { metadataFile: '', entities: 0, bytes: 0 }
      field.fields((inner) => {
        if (inner.field === 2) part.metadataFile = inner.text()
        else if (inner.field === 3) part.entities = number(inner)
        else if (inner.field === 4) part.bytes = number(inner)
      })
      parts.push(part)
    })
  }
  return parts
}

const startsWithFormat = (bytes: Buffer): boolean => {
  try {
    const [first] = readLog(bytes)
    return first !== undefined && FORMAT.equals(first)
  } catch {
    return false
  }
}

export interface PartMetadata {
  readonly name: string
  readonly beginMicros: number
  readonly endMicros: number
  /** Beside the part's metadata file. */
  readonly outputFiles: readonly string[]
}

export const encodePart = ({ name, beginMicros, endMicros, outputFiles }: PartMetadata): Uint8Array => {
  const writer = protobuf.Writer.create()
  writeMessage(writer, 1, () => {
    writeString(writer, 1, name)
    writer.uint32(tag(2, VARINT)).int64(beginMicros).uint32(tag(3, VARINT)).int64(endMicros)
  })
  for (const file of outputFiles) {
    writeMessage(writer, 2, () => {
      writeString(writer, 1, '')
      writeString(writer, 2, file)
    })
  }
  return writer.finish()
}

/** The output files that a part's metadata names. Throws `WireError`. */
export const decodeOutputFiles = (bytes: Uint8Array): string[] => {
  const files: string[] = []
  readFields(bytes, (field) => {
    if (field.field !== 2) return
    field.fields((part) => {
      if (part.field === 2) files.push(part.text())
    })
  })
  return files
}
