import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { LedgerAnchorsPage } from '@infinity-matrix/contracts'
import { levelsOf, tilePath, tilesOfLevel, tileWidth, type Tile } from '@infinity-matrix/core/merkle'
import { openWith, readPolicy } from '@infinity-matrix/verifier'

/** Reads a path of a log that is served as tlog-tiles; undefined where there is none. */
export type ReadPath = (path: string) => Promise<Uint8Array | undefined>

export interface Exported {
  origin: string
  entries: number
  root: string
  /** Files that were fetched; full tiles that the folder had before are as they were. */
  files: number
  bytes: number
}

const readersAtOnce = 16

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8')

/** Every tile of a log of a size, and the bundles of its entries. */
function* tilesOf(size: number): Generator<Tile> {
  for (let level = 0; level < levelsOf(size); level++) yield* tilesOfLevel(level, size)
  yield* tilesOfLevel('entries', size)
}

/** Where checkpoints of a log are anchored, page by page. */
async function* anchorsOf(read: ReadPath): AsyncGenerator<LedgerAnchorsPage['anchors'][number]> {
  for (let after: number | null = 0; after !== null;) {
    const page = await read(`v1/ledger/anchors?after=${after}`)
    if (!page) return
    const { anchors, next } = LedgerAnchorsPage.parse(JSON.parse(textOf(page)))
    yield* anchors
    after = next
  }
}

/**
 * Writes a log into a folder as tlog-tiles has it, for `npm run ledger:verify`. A folder that holds an earlier export is
 * brought up to date: full tiles are never fetched again, and the checkpoint of before is kept.
 *
 * @throws LedgerFault where the checkpoint is not signed by the log's keys
 */
export const exportLog = async (read: ReadPath, folder: string): Promise<Exported> => {
  // Beside the folder: whenever this process is killed, a file that the folder has is whole.
  const unfinished = `${folder}.unfinished`
  await mkdir(unfinished, { recursive: true })
  let [files, bytes] = [0, 0]

  const write = async (path: string, content: Uint8Array): Promise<void> => {
    const [whole, part] = [join(folder, path), join(unfinished, String(files++))]
    await mkdir(dirname(whole), { recursive: true })
    await writeFile(part, content)
    await rename(part, whole)
    bytes += content.length
  }
  const fetched = async (path: string): Promise<Uint8Array> => {
    const content = await read(path)
    if (!content) throw new Error(`the log serves no ${path}`)
    return content
  }

  const policy = await fetched('v1/ledger/policy')
  const published = await fetched('checkpoint')
  const open = (checkpoint: Uint8Array) => openWith(readPolicy(textOf(policy)), textOf(checkpoint)).checkpoint
  const { origin, size, root } = open(published)

  const wanted = tilesOf(size)
  const reader = async () => {
    for (const tile of wanted) {
      const path = tilePath(tile)
      if (tile.width < tileWidth || !existsSync(join(folder, path))) await write(path, await fetched(path))
    }
  }
  await Promise.all(Array.from({ length: readersAtOnce }, reader))

  const keep = async (checkpoint: Uint8Array) => {
    const earlier = open(checkpoint)
    if (earlier.size <= size) await write(`checkpoints/${earlier.size}`, checkpoint)
  }
  const before = await readFile(join(folder, 'checkpoint')).catch(() => undefined)
  if (before) await keep(before)
  const cosigned = await read('v1/ledger/cosigned-checkpoint')
  if (cosigned) await keep(cosigned)
  await write('policy', policy)
  for await (const { id, size: anchored, anchor } of anchorsOf(read))
    if (anchored <= size && /^[a-z0-9-]+$/.test(id))
      await write(`anchors/${id}.json`, Buffer.from(`${JSON.stringify(anchor)}\n`))
  // Last, when all that it speaks of is there.
  await write('checkpoint', published)
  await rm(unfinished, { recursive: true })
  return { origin, entries: size, root: Buffer.from(root).toString('base64'), files, bytes }
}
