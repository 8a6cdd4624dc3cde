import { crc32c } from './crc32c.ts'

// A file is a header and then frames. A frame holds the records of one write to the disk, which are there together or
// not at all:
//
//   file   magic 8 | salt 8 | kind 16 | sequence number of the first frame, double | CRC32C of these 40 bytes
//   frame  salt 8 | sequence number, double | length of the payload | CRC32C of the payload | CRC32C of these 24 bytes
//   payload  each record after its length
//
// Numbers are little-endian, of 32 bits but where said. The salt is random for each file: found further on it tells that
// a frame was written there, whatever bytes the records have. A frame without records ends a snapshot.

const MAGIC = Buffer.from('imxjrnl1')
const KIND_BYTES = 16
export const FILE_HEADER_BYTES = 44
export const FRAME_HEADER_BYTES = 28

export interface FileHeader {
  readonly salt: Buffer
  /** What the records are about: at most 16 letters. */
  readonly kind: string
  /** The sequence number of the first frame. */
  readonly first: number
}

/** Throws a `RangeError` when the kind is too long. */
export const encodeFileHeader = ({ salt, kind, first }: FileHeader): Buffer => {
  if (!/^[a-z-]{1,16}$/.test(kind)) throw new RangeError(`a kind of journal is 1 to 16 small letters, not "${kind}"`)
  const bytes = Buffer.alloc(FILE_HEADER_BYTES)
  MAGIC.copy(bytes)
  salt.copy(bytes, 8)
  bytes.write(kind, 16)
  bytes.writeDoubleLE(first, 32)
  bytes.writeUInt32LE(crc32c(bytes.subarray(0, 40)), 40)
  return bytes
}

/** undefined: these bytes are no header. */
export const decodeFileHeader = (bytes: Buffer): FileHeader | undefined => {
  if (bytes.length < FILE_HEADER_BYTES || !bytes.subarray(0, 8).equals(MAGIC)) return undefined
  if (bytes.readUInt32LE(40) !== crc32c(bytes.subarray(0, 40))) return undefined
  const kind = bytes.toString('latin1', 16, 16 + KIND_BYTES).replace(/\0+$/, '')
  return { salt: Buffer.from(bytes.subarray(8, 16)), kind, first: bytes.readDoubleLE(32) }
}

export const encodeFrame = (salt: Buffer, sequence: number, records: readonly Uint8Array[]): Buffer => {
  let length = 0
  for (const record of records) length += 4 + record.length
  const bytes = Buffer.allocUnsafe(FRAME_HEADER_BYTES + length)
  let at = FRAME_HEADER_BYTES
  for (const record of records) {
    bytes.writeUInt32LE(record.length, at)
    bytes.set(record, at + 4)
    at += 4 + record.length
  }
  salt.copy(bytes)
  bytes.writeDoubleLE(sequence, 8)
  bytes.writeUInt32LE(length, 16)
  bytes.writeUInt32LE(crc32c(bytes.subarray(FRAME_HEADER_BYTES)), 20)
  bytes.writeUInt32LE(crc32c(bytes.subarray(0, 24)), 24)
  return bytes
}

/** A frame at the start of `bytes`; how many bytes of it there must be to tell; or that none can begin so. */
export type FrameAt = { readonly payload: Buffer; readonly length: number } | { readonly needed: number } | 'none'

const isFrameHeader = (bytes: Buffer, salt: Buffer): boolean =>
  bytes.subarray(0, 8).equals(salt) && bytes.readUInt32LE(24) === crc32c(bytes.subarray(0, 24))

export const frameAt = (bytes: Buffer, salt: Buffer, sequence: number): FrameAt => {
  if (bytes.length < FRAME_HEADER_BYTES) return { needed: FRAME_HEADER_BYTES }
  if (!isFrameHeader(bytes, salt) || bytes.readDoubleLE(8) !== sequence) return 'none'
  const length = FRAME_HEADER_BYTES + bytes.readUInt32LE(16)
  if (bytes.length < length) return { needed: length }
  const payload = bytes.subarray(FRAME_HEADER_BYTES, length)
  return bytes.readUInt32LE(20) === crc32c(payload) ? { payload, length } : 'none'
}

/** Whether a frame begins anywhere in `bytes` that was written after the one with the number `sequence`. */
export const holdsLaterFrame = (bytes: Buffer, salt: Buffer, sequence: number): boolean => {
  for (let at = bytes.indexOf(salt); at >= 0; at = bytes.indexOf(salt, at + 1)) {
    const header = bytes.subarray(at, at + FRAME_HEADER_BYTES)
    if (header.length < FRAME_HEADER_BYTES) return false
    if (isFrameHeader(header, salt) && header.readDoubleLE(8) > sequence) return true
  }
  return false
}

/** The records of a payload, as views of it. */
export function* recordsIn(payload: Buffer): Generator<Uint8Array> {
  for (let at = 0; at < payload.length;) {
    const start = at + 4
    at = start + payload.readUInt32LE(at)
    yield payload.subarray(start, at)
  }
}
