import { randomUUID } from 'node:crypto'
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** As the name of a partition: the hour of publication, UTC. */
export const partitionOf = (publishedMs: number): string =>
  `publish_hour=${new Date(publishedMs).toISOString().slice(0, 13)}`

const SUFFIX = '.parquet'
const UNFINISHED = '.unfinished'

/** A finished file of a partition. The level is how often its rows were merged into a larger file. */
export interface ParquetFile {
  path: string
  level: number
}

/** Of a file or a folder. */
const sync = async (path: string): Promise<void> => {
  await using handle = await open(path, 'r')
  await handle.sync()
}

/**
 * Has `write` make a file under a temporary name, and gives it its own when it is on disk: a file that has its name is
 * whole, whenever the process or the machine stopped.
 */
export const addFile = async (
  partition: string,
  level: number,
  write: (path: string) => Promise<void>,
): Promise<void> => {
  await mkdir(partition, { recursive: true })
  const path = join(partition, `${level}-${randomUUID()}${SUFFIX}`)
  const unfinished = path + UNFINISHED
  await write(unfinished)
  await sync(unfinished)
  await rename(unfinished, path)
  await sync(partition)
}

export const removeFiles = async (files: readonly ParquetFile[]): Promise<void> => {
  await Promise.all(files.map(({ path }) => rm(path, { force: true })))
  const [first] = files
  if (first) await sync(dirname(first.path))
}

/** The partitions of a table, oldest first. */
export const partitionsOf = async (table: string): Promise<string[]> => {
  const entries = await readdir(table, { withFileTypes: true }).catch(() => [])
  return entries
    .filter((entry) => entry.isDirectory() && entry.name.startsWith('publish_hour='))
    .map(({ name }) => join(table, name))
    .sort()
}

export const filesOf = async (partition: string): Promise<ParquetFile[]> => {
  const names = await readdir(partition).catch(() => [])
  return names
    .filter((name) => name.endsWith(SUFFIX))
    .map((name) => ({ path: join(partition, name), level: Number.parseInt(name, 10) }))
}

/** Clears away what a process that was killed left half written. */
export const removeUnfinished = async (table: string): Promise<void> => {
  for (const partition of await partitionsOf(table)) {
    const names = await readdir(partition)
    const unfinished = names.filter((name) => name.endsWith(UNFINISHED))
    await Promise.all(unfinished.map((name) => rm(join(partition, name), { force: true })))
  }
}
