import { crc32c } from '../../journal/index.ts'

// LevelDB's log format, https://github.com/google/leveldb/blob/main/doc/log_format.md: blocks of 32 KiB, in which a record
// lies whole or in fragments. A fragment: masked CRC32C of type and data, length of the data, type, data.
const BLOCK_BYTES = 32 * 1024
const HEADER_BYTES = 7
const Type = { FULL: 1, FIRST: 2, MIDDLE: 3, LAST: 4 } as const
const CRC_OF_TYPE = [0, 1, 2, 3, 4].map((type) => crc32c(Uint8Array.of(type)))

const maskedCrc = (type: number, data: Uint8Array): number => {
  const crc = crc32c(data, CRC_OF_TYPE[type])
  return (((crc >>> 15) | (crc << 17)) + 0xa282_ead8) >>> 0
}

/** Something that is no log, or a log that is damaged. */
export class LogError extends Error {}

/** Makes the bytes of a log, record by record. */
export class LogEncoder {
  /** Bytes of the block that is being filled. */
  #used: number

  constructor() {
    this.#used = 0
  }

  /** What a record adds to the log. */
  *encode(record: Uint8Array): Generator<Uint8Array> {
    let rest = record
    let first = true
    do {
      let room = BLOCK_BYTES - this.#used
      if (room < HEADER_BYTES) {
        yield new Uint8Array(room)
        this.#used = 0
        room = BLOCK_BYTES
      }
      const data = rest.subarray(0, room - HEADER_BYTES)
      rest = rest.subarray(data.length)
      const type = rest.length === 0 ? (first ? Type.FULL : Type.LAST) : first ? Type.FIRST : Type.MIDDLE
      const header = Buffer.alloc(HEADER_BYTES)
      header.writeUInt32LE(maskedCrc(type, data))
      header.writeUInt16LE(data.length, 4)
      header[6] = type
      yield header
      yield data
      this.#used += HEADER_BYTES + data.length
      first = false
    } while (rest.length > 0)
  }
}

/** The records of a log. Throws `LogError` where it is damaged, or ends within a record. */
export function* readLog(log: Buffer): Generator<Uint8Array> {
  let fragments: Uint8Array[] = []
  let at = 0
  while (at < log.length) {
    const room = BLOCK_BYTES - (at % BLOCK_BYTES)
    if (room < HEADER_BYTES) {
      at += room
      continue
    }
    if (log.length - at < HEADER_BYTES) throw new LogError('Invalid record')
    const type = log[at + 6] as number
    const length = log.readUInt16LE(at + 4)
    // The rest of a block may be filled with zeros.
    if (type === 0 && length === 0) {
      at += room
      continue
    }
    const end = at + HEADER_BYTES + length
    const begins = type === Type.FULL || type === Type.FIRST
    if (type > Type.LAST || HEADER_BYTES + length > room || end > log.length || begins !== (fragments.length === 0)) {
      throw new LogError('Invalid record')
    }
    const data = log.subarray(at + HEADER_BYTES, end)
    if (log.readUInt32LE(at) !== maskedCrc(type, data)) throw new LogError("Checksum doesn't validate.")
    fragments.push(data)
    at = end
    if (type !== Type.FULL && type !== Type.LAST) continue
    yield fragments.length === 1 ? data : Buffer.concat(fragments)
    fragments = []
  }
  if (fragments.length > 0) throw new LogError('Invalid record')
}
