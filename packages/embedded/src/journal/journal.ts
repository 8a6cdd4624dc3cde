import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { JournalError, unusable } from './errors.ts'
import { deleteFiles, readContents, segmentName, syncFolder } from './folder.ts'
import { lockFolder } from './lock.ts'
import { readJournalFile, type OnRecord } from './read.ts'
import { readSnapshot, writeSnapshot, type Records } from './snapshot.ts'
import { JournalFile } from './write.ts'

const FRAME_BYTES_MAX = 16 * 1024 * 1024

export interface JournalOptions {
  /** Made when it is not there. */
  folder: string
  /** What the records are about, 1 to 16 small letters: a folder of another kind is refused. */
  kind: string
  /** Gets every record there is before `openJournal` resolves, in order: those of the snapshot, then those since. */
  onRecord: OnRecord
  /** Gets a line when a write that was cut short is removed; default nothing. */
  log?: (line: string) => void
  /** Called once when the journal can no longer be written. What was not durable by then is lost. */
  onFailure?: (error: JournalError) => void
  /** A segment that has grown so large is followed by another. Default 64 MiB. */
  segmentBytes?: number
  /** `compactionDue` says so when the log has this size, and that of the snapshot. Default 64 MiB. */
  compactAfterBytes?: number
}

export interface Journal {
  /**
   * Adds a record. Resolves when it is durable: then it will be there after the process or the machine has been
   * stopped at any moment, and so will all that were added before it. Records that are added while others are being
   * written go to the disk together. Rejects with `JournalError` when that cannot be done, and so will all after it.
   */
  append(record: Uint8Array): Promise<void>
  /** Resolves when all that has been added is durable; undefined when it is already. Later ones never resolve earlier. */
  readonly pending: Promise<void> | undefined
  /** Whether reading the log anew would cost much more than reading a snapshot. */
  readonly compactionDue: boolean
  /**
   * Replaces all records that have been added so far by `records`, which must come to the same; records may be added
   * meanwhile. The old ones are deleted once the new ones are durable. One compaction at a time.
   */
  compact(records: Records): Promise<void>
  /** Resolves when all that has been added is durable, a running compaction is done and the folder is free. */
  close(): Promise<void>
}

/** Records that are written together. */
interface Group {
  records: Uint8Array[]
  bytes: number
  written: PromiseWithResolvers<void>
  /** What waits for the segment after this group to be begun. */
  cut: PromiseWithResolvers<number> | undefined
}

const newGroup = (): Group => {
  const written = Promise.withResolvers<void>()
  // Whoever added a record hears of a failure; that nobody listens is no reason to end the process.
  written.promise.catch(() => {})
  return { records: [], bytes: 0, written, cut: undefined }
}

const failed = (failure: JournalError): Promise<never> => {
  const { promise, reject } = Promise.withResolvers<never>()
  promise.catch(() => {})
  reject(failure)
  return promise
}

interface Recovered {
  file: JournalFile
  /** Bytes of the segments before the one that `file` writes. */
  closedBytes: number
  snapshot: number | undefined
  snapshotBytes: number
}

const recover = async (folder: string, { kind, onRecord, log = () => {} }: JournalOptions): Promise<Recovered> => {
  const { snapshot, segments } = await readContents(folder)
  const snapshotBytes = snapshot === undefined ? 0 : await readSnapshot(folder, kind, snapshot, onRecord)
  const found = { snapshot, snapshotBytes, closedBytes: 0 }
  let next = snapshot ?? 1
  for (const [i, first] of segments.entries()) {
    const path = join(folder, segmentName(first))
    if (first !== next) throw new JournalError('damaged', `${folder} lacks records: from ${next} to before ${first}`)
    const read = await readJournalFile(path, { kind, first, onRecord })
    next = read.next
    if (i === segments.length - 1) {
      const cut = read.size - read.end
      if (cut > 0) log(`${path}: a write that was never finished is removed, ${cut} bytes from byte ${read.end} on`)
      if (read.header) return { ...found, file: await JournalFile.continue(path, read.header.salt, next, read.end) }
    } else if (read.end < read.size || read.end === 0) {
      throw new JournalError('damaged', `${path} is damaged at byte ${read.end}: more segments follow after it`)
    }
    found.closedBytes += read.size
  }
  if (snapshot !== undefined && segments.length === 0) {
    throw new JournalError('damaged', `${folder} lacks ${segmentName(snapshot)}`)
  }
  const file = await JournalFile.create(join(folder, segmentName(next)), kind, next)
  await syncFolder(folder)
  return { ...found, file }
}

class SegmentedJournal implements Journal {
  readonly #folder: string
  readonly #options: JournalOptions
  readonly #unlock: () => void
  #file: JournalFile
  #closedBytes: number
  #snapshot: number | undefined
  /** The last of these takes new records. */
  #groups = [newGroup()]
  #writing: Promise<void> | undefined
  #pending: Promise<void> | undefined
  #compacting: Promise<void> | undefined
  #closing: Promise<void> | undefined
  /** The size of the log in bytes from which on a compaction is due. */
  #dueFrom: number
  #failure: JournalError | undefined

  constructor(folder: string, options: JournalOptions, unlock: () => void, recovered: Recovered) {
    this.#folder = folder
    this.#options = options
    this.#unlock = unlock
    this.#file = recovered.file
    this.#closedBytes = recovered.closedBytes
    this.#snapshot = recovered.snapshot
    this.#dueFrom = this.#dueAfter(recovered.snapshotBytes)
  }

  append(record: Uint8Array): Promise<void> {
    if (this.#failure) {
      this.#pending = failed(this.#failure)
      return this.#pending
    }
    let group = this.#groups.at(-1) as Group
    if (group.bytes + record.length > FRAME_BYTES_MAX && group.records.length > 0) group = this.#nextGroup()
    group.records.push(record)
    group.bytes += record.length
    this.#pending = group.written.promise
    this.#wake()
    return group.written.promise
  }

  get pending(): Promise<void> | undefined {
    return this.#pending
  }

  get compactionDue(): boolean {
    return !this.#compacting && !this.#failure && this.#logBytes >= this.#dueFrom
  }

  compact(records: Records): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure)
    if (this.#compacting) return Promise.reject(new Error('the journal is being compacted already'))
    const cut = Promise.withResolvers<number>()
    ;(this.#groups.at(-1) as Group).cut = cut
    this.#nextGroup()
    this.#wake()
    const compacting = this.#compact(cut.promise, records).finally(() => {
      this.#compacting = undefined
    })
    this.#compacting = compacting
    return compacting
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  get #logBytes(): number {
    return this.#closedBytes + this.#file.size
  }

  #dueAfter(snapshotBytes: number): number {
    return Math.max(this.#options.compactAfterBytes ?? 64 * 1024 * 1024, snapshotBytes)
  }

  async #close(): Promise<void> {
    this.#failure ??= new JournalError('unusable', `the journal in ${this.#folder} has been closed`)
    await this.#compacting?.catch(() => {})
    await this.#writing
    await this.#file.close()
    this.#unlock()
  }

  #nextGroup(): Group {
    const group = newGroup()
    this.#groups.push(group)
    return group
  }

  #wake(): void {
    if (this.#writing) return
    // All that arrives in one turn of the event loop is written together.
    this.#writing = new Promise<void>((started) => setImmediate(started))
      .then(() => this.#writeAll())
      .catch((error: unknown) => this.#fail(error))
  }

  async #writeAll(): Promise<void> {
    for (;;) {
      const group = this.#groups[0] as Group
      if (group.records.length === 0 && !group.cut) {
        this.#writing = undefined
        return
      }
      if (this.#groups.length === 1) this.#nextGroup()
      if (group.records.length > 0) {
        await this.#file.write(group.records)
        await this.#file.sync()
      }
      const { segmentBytes = 64 * 1024 * 1024 } = this.#options
      if ((group.cut && !this.#file.isEmpty) || this.#file.size >= segmentBytes) await this.#nextSegment()
      this.#groups.shift()
      group.cut?.resolve(this.#file.next)
      group.written.resolve()
      // Those who wait for this group go on before one who comes now and need not wait.
      queueMicrotask(() => {
        if (this.#pending === group.written.promise) this.#pending = undefined
      })
    }
  }

  async #nextSegment(): Promise<void> {
    const { next, size } = this.#file
    const following = await JournalFile.create(join(this.#folder, segmentName(next)), this.#options.kind, next)
    await syncFolder(this.#folder)
    await this.#file.close()
    this.#closedBytes += size
    this.#file = following
  }

  async #compact(cut: Promise<number>, records: Records): Promise<void> {
    const next = await cut
    if (next === this.#snapshot) return
    try {
      const before = this.#closedBytes
      const bytes = await writeSnapshot(this.#folder, this.#options.kind, next, records)
      this.#snapshot = next
      this.#closedBytes -= before
      this.#dueFrom = this.#dueAfter(bytes)
      await deleteFiles(this.#folder, (await readContents(this.#folder)).leftovers)
    } catch (error) {
      // Not again with every record from now on.
      this.#dueFrom = this.#logBytes * 2
      throw unusable(`write a snapshot in ${this.#folder}`, error)
    }
  }

  #fail(error: unknown): void {
    const said = unusable(`write the journal in ${this.#folder}`, error)
    const failure = said instanceof JournalError ? said : new JournalError('unusable', String(said), said)
    this.#failure = failure
    this.#writing = undefined
    this.#pending = failed(failure)
    for (const { written, cut } of this.#groups) {
      written.reject(failure)
      cut?.reject(failure)
    }
    this.#options.onFailure?.(failure)
  }
}

/**
 * Opens the journal in a folder for this process alone, and gives what it holds to `onRecord`. A write that was cut short
 * at its end is removed. Throws `JournalError` when the folder is in use, another's or cannot be used, and when anything
 * in it is damaged; then nothing has been changed.
 */
export const openJournal = async (options: JournalOptions): Promise<Journal> => {
  const folder = resolve(options.folder)
  try {
    await mkdir(folder, { recursive: true })
    const unlock = lockFolder(folder)
    try {
      const recovered = await recover(folder, options)
      await deleteFiles(folder, (await readContents(folder)).leftovers)
      return new SegmentedJournal(folder, options, unlock, recovered)
    } catch (error) {
      unlock()
      throw error
    }
  } catch (error) {
    throw unusable(`use ${folder} for a journal`, error)
  }
}
