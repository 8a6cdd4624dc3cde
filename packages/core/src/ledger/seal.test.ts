import { createHash, hash } from 'node:crypto'
import type { LedgerBundle, LedgerEntry, LedgerTree } from '@infinity-matrix/contracts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalJson } from '../shared/canonical-json.ts'
import { joined, leafHash, rootOf, tileWidth } from '../shared/merkle/index.ts'
import { emptyTree, joinsParts, readEntry, seal, type ReadyEntry } from './seal.ts'
import { filterTerm, idTerm, matches, type EntryFilter } from './search.ts'

const sha256 = (bytes: Uint8Array | string): Uint8Array => createHash('sha256').update(bytes).digest()
const termOf = (words: string) => hash('sha256', words).slice(0, 16)
const sealedAt = '2026-01-01T00:00:00.000Z'

const entryOf = (number: number, fields: Partial<LedgerEntry> = {}): LedgerEntry => ({
  version: 1,
  id: `019ac1d2-0000-7000-8000-${number.toString(16).padStart(12, '0')}`,
  time: sealedAt,
  kind: 'change',
  action: 'agent-changed',
  actor: { kind: 'person', id: 'uid-1' },
  tenant: 'acme',
  subject: `agents/a-${number % 7}`,
  outcome: 'done',
  reason: null,
  trace: null,
  details: {},
  commitments: {},
  ...fields,
})
const ready = (entry: LedgerEntry): ReadyEntry => {
  const text = canonicalJson(entry)
  return readEntry(text, Buffer.from(text))
}

/** A log that is kept in maps, as `ledgerTiles` and `ledgerEntries` do. */
const createLog = () => {
  let tree: LedgerTree = emptyTree(sha256, sealedAt)
  const [tiles, bundles] = [new Map<string, Uint8Array>(), new Map<string, LedgerBundle>()]
  const append = (entries: readonly ReadyEntry[]) => {
    const open = joinsParts(tree, entries.length)
      ? [...bundles].filter(([, { first }]) => first >= tree.size - (tree.size % tileWidth))
      : []
    const parts = open.map(([, part]) => part).sort((a, b) => a.first - b.first)
    const sealed = seal({ sha256, termOf }, tree, { parts, entries, sealedAt })
    for (const [id] of open) bundles.delete(id)
    for (const [id, bytes] of sealed.tiles) {
      if (tiles.has(id)) throw new Error(`tile ${id} is written again`)
      tiles.set(id, bytes)
    }
    for (const [id, bundle] of sealed.bundles) {
      if (bundles.has(id)) throw new Error(`bundle ${id} is written again`)
      bundles.set(id, bundle)
    }
    tree = sealed.tree
  }
  return { append, tree: () => tree, tiles, bundles }
}

describe('sealing', () => {
  it('in commits of any size gives the tree of all entries, and full bundles and tiles once each', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 400 }), { maxLength: 6 }), (commits) => {
        const log = createLog()
        const all: ReadyEntry[] = []
        for (const count of commits) {
          const entries = Array.from({ length: count }, (_, index) => ready(entryOf(all.length + index)))
          log.append(entries)
          all.push(...entries)
        }
        const { size, root, levels } = log.tree()
        expect(size).toBe(all.length)
        expect(root).toEqual(rootOf(sha256, joined(all.map(({ bytes }) => leafHash(sha256, bytes)))))
        expect(levels[0]?.length ?? 0).toBe((size % tileWidth) * 32)
        const stored = [...log.bundles.values()].sort((a, b) => a.first - b.first)
        expect(stored.filter(({ count }) => count === tileWidth)).toHaveLength(Math.floor(size / tileWidth))
        expect(log.tiles.size).toBe(Math.floor(size / tileWidth))
        let next = 0
        for (const { first, count } of stored) {
          expect(first).toBe(next)
          next += count
        }
        expect(next).toBe(size)
      }),
      { numRuns: 20 },
    )
  })

  it('refuses to join a bundle of which a part is missing', () => {
    const log = createLog()
    for (const count of [100, 100]) log.append(Array.from({ length: count }, (_, index) => ready(entryOf(index))))
    const [[id = ''] = []] = log.bundles
    log.bundles.delete(id)
    expect(() => log.append(Array.from({ length: 100 }, (_, index) => ready(entryOf(index))))).toThrow(
      'of the bundle at 0, entry 0 is missing',
    )
  })

  it('keeps bundles that follow each other apart among the keys', () => {
    const log = createLog()
    log.append(Array.from({ length: tileWidth * 17 }, (_, index) => ready(entryOf(index))))
    expect([...log.bundles.keys()].map((id) => id[0]).join('')).toBe('0123456789abcdef0')
  })
})

describe('an entry', () => {
  it.each([
    ['with a space', (text: string) => text.replace(',', ', ')],
    ['with a field that is none', (text: string) => text.replace('{', '{"a":1,')],
    ['of another order', (text: string) => `{${text.slice(1, -1).split(',').toReversed().join(',')}}`],
    ['that is no JSON', (text: string) => text.slice(1)],
  ])('%s is refused', (_, change) => {
    const text = change(canonicalJson(entryOf(1, { details: {}, commitments: {} })))
    expect(() => readEntry(text, Buffer.from(text))).toThrow()
  })

  it('that is too large for a bundle is refused', () => {
    const names = Array.from({ length: 12 }, (_, index) => `field${index}`)
    const text = canonicalJson(
      entryOf(1, { details: Object.fromEntries(names.map((name) => [name, 'x'.repeat(300)])) }),
    )
    expect(() => readEntry(text, Buffer.from(text))).toThrow('has more than 3072 bytes')
  })
})

describe('search', () => {
  const anyEntry = fc
    .record({
      tenant: fc.constantFrom('acme', 'other', '*'),
      subject: fc.constantFrom('agents/a', 'agents/b'),
      kind: fc.constantFrom('change' as const, 'error' as const),
      actor: fc.record({ kind: fc.constantFrom('person' as const, 'agent' as const), id: fc.constantFrom('x', 'y') }),
    })
    .map((fields) => entryOf(1, fields))
  const filterOf = ({ tenant, subject, kind, actor }: LedgerEntry, mask: number): EntryFilter => ({
    ...(mask & 1 ? { tenant } : {}),
    ...(mask & 2 ? { subject } : {}),
    ...(mask & 4 ? { kind } : {}),
    ...(mask & 8 ? { actor: `${actor.kind}:${actor.id}` } : {}),
  })

  it('finds the bundle of every entry by its id, and by any filter that it matches', () => {
    fc.assert(
      fc.property(anyEntry, fc.integer({ min: 0, max: 15 }), (entry, mask) => {
        const { bundles } = seal({ sha256, termOf }, emptyTree(sha256, sealedAt), {
          parts: [],
          entries: [ready(entry)],
          sealedAt,
        })
        const [bundle] = bundles.values()
        const filter = filterOf(entry, mask)
        expect(matches(filter, entry)).toBe(true)
        expect(bundle?.terms).toContain(filterTerm(termOf, filter))
        expect(bundle?.terms).toContain(idTerm(termOf, entry.id))
      }),
    )
  })

  it('does not match what differs in one field', () => {
    const entry = entryOf(1)
    for (const other of [{ tenant: 'b' }, { subject: 'agents/z' }, { kind: 'error' as const }])
      expect(matches(filterOf({ ...entry, ...other }, 15), entry)).toBe(false)
    expect(matches({ actor: 'agent:uid-1' }, entry)).toBe(false)
  })
})
