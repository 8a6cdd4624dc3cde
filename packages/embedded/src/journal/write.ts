import { randomBytes } from 'node:crypto'
import { open, type FileHandle } from 'node:fs/promises'
import { FILE_HEADER_BYTES, encodeFileHeader, encodeFrame } from './frames.ts'

/** A file of frames that is being written. What `write` was given is on the disk once `sync` has resolved. */
export class JournalFile {
  readonly #file: FileHandle
  readonly #salt: Buffer
  #next: number
  #size: number

  private constructor(file: FileHandle, salt: Buffer, next: number, size: number) {
    this.#file = file
    this.#salt = salt
    this.#next = next
    this.#size = size
  }

  /** A new file, which begins with the frame `first`; an unfinished one of that name is replaced. */
  static async create(path: string, kind: string, first: number): Promise<JournalFile> {
    const file = await open(path, 'w', 0o600)
    try {
      const salt = randomBytes(8)
      const made = new JournalFile(file, salt, first, 0)
      await made.#append(encodeFileHeader({ salt, kind, first }))
      await file.sync()
      return made
    } catch (error) {
      await file.close()
      throw error
    }
  }

  /** Goes on in a file at `size`, cutting off what stands there. */
  static async continue(path: string, salt: Buffer, next: number, size: number): Promise<JournalFile> {
    const file = await open(path, 'r+')
    await file.truncate(size)
    await file.sync()
    return new JournalFile(file, salt, next, size)
  }

  /** The sequence number of the next frame. */
  get next(): number {
    return this.#next
  }

  /** Bytes. */
  get size(): number {
    return this.#size
  }

  get isEmpty(): boolean {
    return this.#size <= FILE_HEADER_BYTES
  }

  async write(records: readonly Uint8Array[]): Promise<void> {
    await this.#append(encodeFrame(this.#salt, this.#next, records))
    this.#next++
  }

  /** Resolves when all that was written would survive a loss of power. */
  sync(): Promise<void> {
    return this.#file.datasync()
  }

  close(): Promise<void> {
    return this.#file.close()
  }

  async #append(bytes: Buffer): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await this.#file.write(bytes, done, bytes.length - done, this.#size + done)
      done += bytesWritten
    }
    this.#size += bytes.length
  }
}
