import { open, type FileHandle } from 'node:fs/promises'
import { JournalError } from './errors.ts'
import { FILE_HEADER_BYTES, decodeFileHeader, frameAt, holdsLaterFrame, recordsIn, type FileHeader } from './frames.ts'

const CHUNK_BYTES = 4 * 1024 * 1024

export type OnRecord = (record: Uint8Array) => void

/** A file as far as it is whole. */
export interface FileRead {
  /** undefined: not even the header is. */
  readonly header: FileHeader | undefined
  /** The sequence number that the next frame would have. */
  readonly next: number
  /** Where the last whole frame ends, in bytes from the start. */
  readonly end: number
  readonly size: number
  /** Whether a frame without records, which ends a snapshot, was the last. */
  readonly closed: boolean
}

/** Up to `length` bytes from `position` on. */
const readAt = async (file: FileHandle, position: number, length: number): Promise<Buffer> => {
  const bytes = Buffer.allocUnsafe(length)
  let filled = 0
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, position + filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return bytes.subarray(0, filled)
}

const requireKnown = (path: string, header: FileHeader | undefined, kind: string, first: number, size: number) => {
  if (!header) {
    // Shorter than it must be, it was never finished; else something has been written over it.
    if (size <= FILE_HEADER_BYTES) return
    throw new JournalError('foreign', `${path} is not a journal of this version, or its first bytes are damaged`)
  }
  if (header.kind !== kind) {
    throw new JournalError('foreign', `${path} is a journal of "${header.kind}", and that of "${kind}" was expected`)
  }
  if (header.first !== first) throw new JournalError('damaged', `${path} was renamed: it begins at ${header.first}`)
}

/**
 * Gives the records of a file to `onRecord`, in order, up to the end or the first frame that is not whole; `kind` and
 * `first` are what its header must say. The records are views of a buffer which is theirs alone.
 * Throws `JournalError` when the file is another's, or whole frames follow one that is not: then what is broken is no
 * write that was cut short.
 */
export const readJournalFile = async (
  path: string,
  { kind, first, onRecord }: { kind: string; first: number; onRecord: OnRecord },
): Promise<FileRead> => {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    const header = decodeFileHeader(await readAt(file, 0, FILE_HEADER_BYTES))
    requireKnown(path, header, kind, first, size)
    if (!header) return { header, next: first, end: 0, size, closed: false }
    let next = first
    let end = FILE_HEADER_BYTES
    let closed = false
    let wanted = CHUNK_BYTES
    reading: while (end < size) {
      const chunk = await readAt(file, end, wanted)
      let at = 0
      while (at < chunk.length) {
        const frame = frameAt(chunk.subarray(at), header.salt, next)
        if (frame === 'none') break reading
        if ('needed' in frame) {
          if (end + frame.needed > size) break reading
          wanted = Math.max(CHUNK_BYTES, frame.needed)
          break
        }
        for (const record of recordsIn(frame.payload)) onRecord(record)
        closed = frame.payload.length === 0
        at += frame.length
        end += frame.length
        next++
      }
    }
    if (end < size && holdsLaterFrame(await readAt(file, end, size - end), header.salt, next)) {
      throw new JournalError('damaged', `${path} is damaged at byte ${end}: whole records follow after it`)
    }
    return { header, next, end, size, closed }
  } finally {
    await file.close()
  }
}
