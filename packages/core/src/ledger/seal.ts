import type { LedgerBundle, LedgerEntry, LedgerTree } from '@infinity-matrix/contracts'
import { entryForm } from './entry-form.ts'
import {
  edgeRoot,
  emptyEdge,
  entryBundle,
  grow,
  joined,
  leafHash,
  tileWidth,
  type Sha256,
} from '../shared/merkle/index.ts'
import { bundleId, partId, tileId } from './place.ts'
import { searchTerms, type TermOf } from './search.ts'

/** An entry on its way into the log: what it says, and the bytes that are its leaf. */
export interface ReadyEntry {
  entry: LedgerEntry
  bytes: Uint8Array
}

/**
 * An entry from its text.
 *
 * @param bytes of the text in UTF-8
 * @throws what says why the text is no entry's canonical JSON. It should never happen: who appends makes the text so
 */
export const readEntry = (text: string, bytes: Uint8Array): ReadyEntry => {
  const { fault } = entryForm(text)
  if (fault !== undefined) throw new RangeError(`what is appended ${fault}`)
  return { entry: JSON.parse(text) as LedgerEntry, bytes }
}

/** A log without entries. */
export const emptyTree = (sha256: Sha256, sealedAt: string): LedgerTree => ({
  size: 0,
  levels: [],
  root: edgeRoot(sha256, emptyEdge),
  sealedAt,
})

/** Whether so many more entries complete a bundle that has some, which are needed to do it. */
export const joinsParts = ({ size }: LedgerTree, added: number): boolean =>
  size % tileWidth > 0 && (size % tileWidth) + added >= tileWidth

/** What the runtime hashes with: a tree, and what entries are searched by. */
export interface Hashes {
  sha256: Sha256
  termOf: TermOf
}

/** What sealing some entries writes. */
export interface Sealed {
  tree: LedgerTree
  /** By id: tiles that are full now. */
  tiles: ReadonlyMap<string, Uint8Array>
  /** By id: bundles, and of the last one the part that these entries are. */
  bundles: ReadonlyMap<string, LedgerBundle>
}

/**
 * Appends entries to the log.
 *
 * @param parts what there is of the last bundle, in its order, where `joinsParts` says that it is needed
 */
export const seal = (
  { sha256, termOf }: Hashes,
  tree: LedgerTree,
  { parts, entries, sealedAt }: { parts: readonly LedgerBundle[]; entries: readonly ReadyEntry[]; sealedAt: string },
): Sealed => {
  const leaves = joined(entries.map(({ bytes }) => leafHash(sha256, bytes)))
  const { edge, tiles } = grow(sha256, tree, leaves)
  return {
    tree: { size: edge.size, levels: [...edge.levels], root: edgeRoot(sha256, edge), sealedAt },
    tiles: new Map(
      tiles.flatMap(({ tile: { level, index, width }, bytes }) =>
        typeof level === 'number' && width === tileWidth ? [[tileId(level, index), bytes] as const] : [],
      ),
    ),
    bundles: new Map(bundlesOf(termOf, tree.size, parts, entries)),
  }
}

function* bundlesOf(
  termOf: TermOf,
  size: number,
  parts: readonly LedgerBundle[],
  entries: readonly ReadyEntry[],
): Generator<[string, LedgerBundle]> {
  for (let from = 0; from < entries.length;) {
    const first = size + from
    const offset = first % tileWidth
    const some = entries.slice(from, from + tileWidth - offset)
    from += some.length
    const own = bundleOf(termOf, first, some)
    if (offset + some.length < tileWidth) yield [partId(first), own]
    else
      yield [bundleId(Math.floor(first / tileWidth)), joinParts(first - offset, offset === 0 ? [own] : [...parts, own])]
  }
}

const bundleOf = (termOf: TermOf, first: number, entries: readonly ReadyEntry[]): LedgerBundle => ({
  first,
  bytes: entryBundle(entries.map(({ bytes }) => bytes)),
  count: entries.length,
  terms: searchTerms(
    termOf,
    entries.map(({ entry }) => entry),
  ),
})

/** A bundle of its parts, whose bytes are one after the other in it. @throws RangeError where one is missing */
const joinParts = (first: number, parts: readonly LedgerBundle[]): LedgerBundle => {
  let count = 0
  for (const part of parts) {
    if (part.first !== first + count) throw new RangeError(`of the bundle at ${first}, entry ${count} is missing`)
    count += part.count
  }
  if (count !== tileWidth) throw new RangeError(`the bundle at ${first} has ${count} entries`)
  return {
    first,
    bytes: joined(parts.map(({ bytes }) => bytes)),
    count,
    terms: [...new Set(parts.flatMap(({ terms }) => terms))],
  }
}
