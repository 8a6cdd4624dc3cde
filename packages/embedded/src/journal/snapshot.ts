import { rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { JournalError } from './errors.ts'
import { snapshotName, syncFolder } from './folder.ts'
import { readJournalFile, type OnRecord } from './read.ts'
import { JournalFile } from './write.ts'

const FRAME_BYTES = 1024 * 1024

export type Records = Iterable<Uint8Array> | AsyncIterable<Uint8Array>

/** Writes a snapshot, which counts once it is complete and durable. Resolves to its size in bytes. */
export const writeSnapshot = async (folder: string, kind: string, next: number, records: Records): Promise<number> => {
  const path = join(folder, snapshotName(next))
  const file = await JournalFile.create(`${path}.new`, kind, next)
  try {
    let gathered: Uint8Array[] = []
    let bytes = 0
    for await (const record of records) {
      gathered.push(record)
      bytes += record.length
      if (bytes < FRAME_BYTES) continue
      await file.write(gathered)
      gathered = []
      bytes = 0
    }
    if (gathered.length > 0) await file.write(gathered)
    await file.write([])
    await file.sync()
    await file.close()
  } catch (error) {
    await file.close()
    await rm(`${path}.new`, { force: true })
    throw error
  }
  await rename(`${path}.new`, path)
  await syncFolder(folder)
  return file.size
}

/** Reads a snapshot. Resolves to its size in bytes. Throws `JournalError` when it is not all there. */
export const readSnapshot = async (folder: string, kind: string, next: number, onRecord: OnRecord): Promise<number> => {
  const path = join(folder, snapshotName(next))
  const { end, size, closed } = await readJournalFile(path, { kind, first: next, onRecord })
  if (end < size || !closed) throw new JournalError('damaged', `${path} is damaged at byte ${end}`)
  return (await stat(path)).size
}
