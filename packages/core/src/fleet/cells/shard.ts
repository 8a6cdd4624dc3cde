import type { CellDocument, DigestDocument, VoiceKind } from '@infinity-matrix/contracts'
import { createCell, leftKeptSeconds, loadCell, type Cell, type SilenceNews, type StoredCell } from './cell.ts'
import { agentHash, firstHashOf, hashBits, shardPrefix } from './shard-hash.ts'
import { agentOfKey, createKinds, type Voice } from './voice.ts'

/** Each cell with changes is stored once in this time. */
export const digestIntervalSeconds = 30

/**
 * A sweep stores and deletes at most this many cells, the one that waits longest first: all shards together write less than
 * 500 a second to a collection, which Firestore takes of any range at once. With more than 15 million agents the interval
 * stretches.
 */
export const cellsWrittenPerSweep = 60
/** Of these, while cells divide, so many are for those that are divided. */
const cellsDeletedPerSweep = 10

// Cells take their turns in the interval, so that no second has more writes than another.
const turnOf = (prefix: string) => agentHash(prefix) % digestIntervalSeconds
const isDue = (cell: Cell, now: number): boolean => {
  const turnsBefore = (at: number) => Math.floor((at + turnOf(cell.prefix)) / digestIntervalSeconds)
  return turnsBefore(now) > turnsBefore(cell.storedAt())
}

/** What to store of one cell. */
export interface CellSave {
  prefix: string
  cell: CellDocument | undefined
  digest: DigestDocument
}

/**
 * All cells of one shard, as the one sweeper that holds its lease has them in memory. Cells divide as agents come: each is a
 * leaf of the tree of prefixes (extendible hashing), so that a division moves the agents of that cell only, and which cells
 * there are depends on who was heard, not on the order.
 *
 * Times in seconds since 1970.
 *
 * @see Fagin et al., "Extendible hashing", 1979
 */
export const createShard = (shard: number) => {
  const cells: Cell[] = [createCell(shardPrefix(shard))]
  const firstHashes: number[] = [firstHashOf(shardPrefix(shard))]
  const internKind = createKinds()
  /** Stored cells that are divided, and since when. */
  const divided = new Map<string, number>()

  const indexOf = (hash: number): number => {
    let [low, high] = [0, cells.length - 1]
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if ((firstHashes[middle] ?? 0) <= hash) low = middle
      else high = middle - 1
    }
    return low
  }
  const cellOf = (agentId: string): Cell => cellAt(indexOf(agentHash(agentId)))
  const cellAt = (index: number): Cell => {
    const cell = cells[index]
    if (!cell) throw new RangeError(`no cell ${index} of ${cells.length}`)
    return cell
  }

  const replace = (index: number, ...next: Cell[]) => {
    cells.splice(index, 1, ...next)
    firstHashes.splice(index, 1, ...next.map(({ prefix }) => firstHashOf(prefix)))
  }

  const splitWhileTooLarge = (index: number, now: number): void => {
    const cell = cellAt(index)
    const halves = cell.split(now)
    if (!halves) return
    if (cell.isStored()) divided.set(cell.prefix, now)
    replace(index, ...halves)
    splitWhileTooLarge(index + 1, now)
    splitWhileTooLarge(index, now)
  }

  /** @returns how many voices found no room: more than a cell holds whose agents all have one hash */
  const hear = (voices: Iterable<Voice>, now: number): number => {
    // Voices of one pulse share their kinds' objects.
    const interned = new Map<VoiceKind, VoiceKind>()
    const kindOf = (kind: VoiceKind): VoiceKind => {
      const known = interned.get(kind)
      if (known) return known
      const one = internKind(kind)
      interned.set(kind, one)
      return one
    }
    let refused = 0
    for (const { key, kind, heardAt, leftAt, will } of voices) {
      const index = indexOf(agentHash(agentOfKey(key)))
      const cell = cellAt(index)
      const voice: Voice = { key, kind: kindOf(kind), heardAt, leftAt, will }
      // One that is so late may be of an agent that was forgotten: it would be added only to fall silent.
      const isTooLate = now - Math.max(heardAt, leftAt) > leftKeptSeconds
      const hasRoom = cell.prefix.length < hashBits || !cell.isFull()
      if (!cell.hear(voice, now, hasRoom && !isTooLate) && !hasRoom && !isTooLate) refused++
      if (cell.isTooLarge()) splitWhileTooLarge(index, now)
    }
    return refused
  }

  /** Takes over what is stored, before anything is heard. A cell beside its own halves is left of a division that broke off. */
  const load = (stored: Iterable<StoredCell & { prefix: string }>, now: number): void => {
    const loaded = Array.from(stored, (one) => loadCell(one.prefix, one))
    const inner = new Set(loaded.flatMap(({ prefix }) => ancestorsOf(prefix)))
    for (const cell of loaded) if (!inner.has(cell.prefix)) place(cell)
    for (const cell of loaded.filter(({ prefix }) => inner.has(prefix))) {
      divided.set(cell.prefix, now)
      for (const entry of cell.entries()) cellOf(agentOfKey(entry.key)).adopt(entry, now)
    }
  }

  /** Puts a stored cell where it belongs, dividing empty ones down to it. */
  const place = (cell: Cell): void => {
    for (;;) {
      const index = indexOf(firstHashOf(cell.prefix))
      const { prefix } = cellAt(index)
      if (prefix === cell.prefix) return replace(index, cell)
      replace(index, createCell(`${prefix}0`), createCell(`${prefix}1`))
    }
  }

  const silences = (now: number): SilenceNews[] => cells.flatMap((cell) => cell.silences(now))
  const noteTold = (news: readonly SilenceNews[], now: number): void => {
    for (const one of news) cellOf(agentOfKey(one.key)).noteTold(one, now)
  }

  const changedCells = () => cells.filter((cell) => cell.changedSince() !== undefined)

  /** The cells to store now: those with changes that were not stored for an interval, or those whose news a next sweeper would tell again. */
  const toStore = (now: number, which: 'due' | 'told' = 'due'): CellSave[] =>
    changedCells()
      .filter((cell) => (which === 'told' ? cell.isToldChanged() : isDue(cell, now)))
      .toSorted((a, b) => a.storedAt() - b.storedAt())
      .slice(0, which === 'due' ? cellsWrittenPerSweep - Math.min(divided.size, cellsDeletedPerSweep) : undefined)
      .map((cell) => ({ prefix: cell.prefix, ...cell.toStored(now) }))

  /** Notes that cells are stored, before anything else is heard. */
  const noteStored = (saves: readonly CellSave[]): void => {
    for (const { prefix, digest } of saves) cellAt(indexOf(firstHashOf(prefix))).noteStored(digest.at)
  }

  /** What was heard before this is in what is stored. */
  const storedBefore = (): number =>
    changedCells().reduce((least, cell) => Math.min(least, cell.changedSince() ?? Infinity), Infinity)

  /** Stored cells that are divided, and whose halves are stored, as many as are to be deleted now. */
  const obsolete = (): string[] => {
    const before = storedBefore()
    const prefixes = [...divided].flatMap(([prefix, since]) => (since < before ? [prefix] : []))
    return prefixes.slice(0, cellsDeletedPerSweep)
  }
  const noteDeleted = (prefixes: readonly string[]): void => {
    for (const prefix of prefixes) divided.delete(prefix)
  }

  /** Lets go of agents that left, or are silent, for so long that nobody can miss them. */
  const forget = (now: number): void => {
    cells.forEach((cell, index) => {
      const next = cell.withoutForgotten(now)
      if (next) replace(index, next)
    })
  }

  return {
    shard,
    hear,
    load,
    cellOf,
    silences,
    noteTold,
    toStore,
    noteStored,
    storedBefore,
    obsolete,
    noteDeleted,
    forget,
    cells: (): readonly Cell[] => cells,
  }
}

export type Shard = ReturnType<typeof createShard>

const ancestorsOf = (prefix: string): string[] =>
  Array.from({ length: prefix.length }, (_, length) => prefix.slice(0, length))
