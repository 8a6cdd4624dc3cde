import { open, readdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'

const DIGITS = 16
const FILE_NAME = /^(\d{16})\.(segment|snapshot)$/

/** The file of the frames from the one with this sequence number on. */
export const segmentName = (first: number): string => `${String(first).padStart(DIGITS, '0')}.segment`

/** The file of what all frames before the one with this sequence number come to. */
export const snapshotName = (next: number): string => `${String(next).padStart(DIGITS, '0')}.snapshot`

/** What a folder holds, by the names of its files. */
export interface Contents {
  /** The sequence number of the newest snapshot. */
  readonly snapshot: number | undefined
  /** The first sequence numbers of the segments that come after it, in order. */
  readonly segments: readonly number[]
  /** Names of files that a compaction left behind when it was broken off, or had not yet deleted. */
  readonly leftovers: readonly string[]
}

export const contentsOf = (names: readonly string[]): Contents => {
  const snapshots: number[] = []
  const all: number[] = []
  const leftovers = names.filter((name) => name.endsWith('.snapshot.new'))
  for (const name of names) {
    const [, digits, type] = FILE_NAME.exec(name) ?? []
    if (digits) (type === 'snapshot' ? snapshots : all).push(Number(digits))
  }
  const snapshot = snapshots.length > 0 ? Math.max(...snapshots) : undefined
  const old = (first: number) => snapshot !== undefined && first < snapshot
  return {
    snapshot,
    segments: all.filter((first) => !old(first)).toSorted((a, b) => a - b),
    leftovers: [...leftovers, ...snapshots.filter(old).map(snapshotName), ...all.filter(old).map(segmentName)],
  }
}

export const readContents = async (folder: string): Promise<Contents> => contentsOf(await readdir(folder))

/** Makes the names of a folder's files durable. */
export const syncFolder = async (folder: string): Promise<void> => {
  // Windows has no such thing, and keeps names without it.
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

export const deleteFiles = async (folder: string, names: readonly string[]): Promise<void> => {
  for (const name of names) await unlink(join(folder, name))
  if (names.length > 0) await syncFolder(folder)
}
