import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  append,
  consistencyFault,
  consistencyProof,
  edgeRoot,
  emptyEdge,
  emptyFrontier,
  entryBundle,
  frontierRoot,
  grow,
  hashBytes,
  inclusionFault,
  inclusionProof,
  isSubtree,
  joined,
  leafHash,
  levelsOf,
  parseEntryBundle,
  parseTilePath,
  proofRanges,
  rootOf,
  subtreeFault,
  subtreeProof,
  tileAt,
  tilePath,
  tilesOfLevel,
  treeRoot,
  type ReadTile,
  type Sha256,
} from './index.ts'

const sha256: Sha256 = (bytes) => createHash('sha256').update(bytes).digest()
const leaf = (index: number) => leafHash(sha256, Buffer.from(`leaf ${index}`))
const leavesOf = (size: number) => Array.from({ length: size }, (_, index) => leaf(index))

/** MTH of RFC 6962, 2.1, word for word. */
const treeHash = (leaves: readonly Uint8Array[]): Uint8Array => {
  const [only] = leaves
  if (only === undefined) return sha256(Buffer.alloc(0))
  if (leaves.length === 1) return only
  let k = 1
  while (k * 2 < leaves.length) k *= 2
  return sha256(Buffer.concat([Buffer.of(1), treeHash(leaves.slice(0, k)), treeHash(leaves.slice(k))]))
}

/** The tiles of a tree, as the sum of what growing it in steps gave. */
const tilesGrown = (leaves: readonly Uint8Array[], steps: readonly number[]) => {
  const stored = new Map<string, Uint8Array>()
  let edge = emptyEdge
  let next = 0
  for (const step of [...steps, leaves.length]) {
    const added = leaves.slice(next, next + step)
    next += added.length
    const growth = grow(sha256, edge, joined(added))
    for (const { tile, bytes } of growth.tiles) stored.set(tilePath(tile), bytes)
    edge = growth.edge
  }
  const read: ReadTile = (tile) => {
    const bytes = stored.get(tilePath(tile))
    if (!bytes) throw new Error(`no ${tilePath(tile)}`)
    return bytes
  }
  return { edge, read, stored }
}

const sizes = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 1300 }))

it('hashes trees as RFC 6962 does, at once, leaf by leaf, and in tiles', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(fc.constant(0), sizes),
      fc.array(fc.integer({ min: 0, max: 600 })),
      async (size, steps) => {
        const leaves = leavesOf(size)
        const expected = treeHash(leaves)
        expect([...rootOf(sha256, joined(leaves))]).toEqual([...expected])
        const frontier = leaves.reduce((grown, one) => append(sha256, grown, one), emptyFrontier)
        expect(frontier.size).toBe(size)
        expect([...frontierRoot(sha256, frontier)]).toEqual([...expected])
        const { edge, read } = tilesGrown(leaves, steps)
        expect(edge.size).toBe(size)
        expect([...edgeRoot(sha256, edge)]).toEqual([...expected])
        expect([...(await treeRoot(sha256, read, size))]).toEqual([...expected])
      },
    ),
    { numRuns: 60 },
  )
})

it('leaves what it reads as it is, also where that is a Buffer, whose slices are views', async () => {
  const tile = Buffer.concat(leavesOf(7))
  const before = tile.toString('hex')
  const root = [...treeHash(leavesOf(7))]
  expect([...rootOf(sha256, tile)]).toEqual(root)
  expect([...(await treeRoot(sha256, () => tile, 7))]).toEqual(root)
  await inclusionProof(sha256, () => tile, 2, 7)
  const { edge } = grow(sha256, emptyEdge, tile)
  expect([...edgeRoot(sha256, edge)]).toEqual(root)
  expect(tile.toString('hex')).toBe(before)
})

it('keeps in tiles the hashes that tlog-tiles defines', () => {
  const leaves = leavesOf(70_000)
  const { stored } = tilesGrown(leaves, [1, 255, 256, 10_000, 1, 30_000])
  const { read } = tilesGrown(leaves, [])
  for (let level = 0; level < levelsOf(leaves.length); level++)
    for (const tile of tilesOfLevel(level, leaves.length)) expect(stored.get(tilePath(tile))).toEqual(read(tile))
  // As the specification tells of a tree of this size.
  expect([...tilesOfLevel(0, 70_000)].map(({ width }) => width)).toEqual([...Array<number>(273).fill(256), 112])
  expect([...tilesOfLevel(1, 70_000)].map(({ width }) => width)).toEqual([256, 17])
  expect([...tilesOfLevel(2, 70_000)].map(({ width }) => width)).toEqual([1])
  expect(levelsOf(70_000)).toBe(3)
  // The n-th tile of a level, by the definition: MTH(D[(n * 256 + i) * 256**l : (n * 256 + i + 1) * 256**l]).
  const second = read(tileAt(1, 1, 70_000)) as Uint8Array
  for (const i of [0, 16])
    expect([...second.subarray(i * hashBytes, (i + 1) * hashBytes)]).toEqual([
      ...treeHash(leaves.slice((256 + i) * 256, (256 + i + 1) * 256)),
    ])
})

describe('a proof', () => {
  it('of any subtree of any tree holds, and that of another does not', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(), fc.nat(), fc.nat(), async (size, a, b, at) => {
        const leaves = leavesOf(size)
        const { read } = tilesGrown(leaves, [])
        const end = 1 + (b % size)
        let start = a % end
        while (!isSubtree({ start, end }, size)) start++
        const range = { start, end }
        const proof = await subtreeProof(sha256, read, range, size)
        const claim = { range, hash: treeHash(leaves.slice(start, end)), size, root: treeHash(leaves), proof }
        expect(subtreeFault(sha256, claim)).toBeUndefined()
        const changed = (bytes: Uint8Array) => bytes.map((byte, index) => (index === at % 32 ? byte ^ 1 : byte))
        expect(subtreeFault(sha256, { ...claim, root: changed(claim.root) })).toBeDefined()
        expect(subtreeFault(sha256, { ...claim, hash: changed(claim.hash) })).toBeDefined()
        expect(subtreeFault(sha256, { ...claim, proof: [...proof, claim.root] })).toMatch(
          /has \d+ hashes, and this one/,
        )
        if (proof.length === 0) return
        const bad = at % proof.length
        const oneChanged = proof.map((hash, index) => (index === bad ? changed(hash) : hash))
        expect(subtreeFault(sha256, { ...claim, proof: oneChanged })).toMatch(/leads to another/)
        expect(subtreeFault(sha256, { ...claim, proof: proof.toSpliced(bad, 1) })).toMatch(/has \d+ hashes/)
      }),
      { numRuns: 150 },
    )
  })

  it('of leaves and of earlier trees, exhaustively for small trees', async () => {
    for (let size = 1; size <= 33; size++) {
      const leaves = leavesOf(size)
      const { read } = tilesGrown(leaves, [])
      const root = treeHash(leaves)
      for (const [index, hash] of leaves.entries()) {
        const proof = await inclusionProof(sha256, read, index, size)
        expect(inclusionFault(sha256, { index, hash, size, root, proof })).toBeUndefined()
        if (size > 1)
          expect(inclusionFault(sha256, { index: (index + 1) % size, hash, size, root, proof })).toBeDefined()
        const from = { size: index + 1, root: treeHash(leaves.slice(0, index + 1)) }
        const consistency = await consistencyProof(sha256, read, from.size, size)
        expect(consistencyFault(sha256, { from, to: { size, root }, proof: consistency })).toBeUndefined()
      }
    }
  })

  it('is planned for trees of any size that a number can tell', () => {
    const size = 2 ** 53 - 1
    expect(proofRanges({ start: 0, end: 1 }, size)).toHaveLength(53)
    expect(proofRanges({ start: size - 1, end: size }, size)).toHaveLength(52)
    expect(proofRanges({ start: 0, end: 2 ** 49 + 1 }, size).at(0)).toEqual({ start: 2 ** 49, end: 2 ** 49 + 1 })
    for (const [start, end] of [
      [1, 3],
      [3, 3],
      [4, 9],
      [-1, 0],
      [0.5, 1],
    ] as const)
      expect(() => proofRanges({ start, end }, 8)).toThrow(`[${start}, ${end}) is no subtree of a tree of 8 leaves`)
  })
})

describe('a tile', () => {
  it('has one path, and a path names one tile', () => {
    expect(tilePath({ level: 0, index: 1_234_067, width: 256 })).toBe('tile/0/x001/x234/067')
    expect(tilePath({ level: 'entries', index: 0, width: 7 })).toBe('tile/entries/000.p/7')
    fc.assert(
      fc.property(
        fc.oneof(fc.constant('entries' as const), fc.integer({ min: 0, max: 63 })),
        fc.maxSafeNat(),
        fc.integer({ min: 1, max: 256 }),
        (level, index, width) => {
          expect(parseTilePath(tilePath({ level, index, width }))).toEqual({ level, index, width })
        },
      ),
    )
  })

  it.each([
    'tile/00/000',
    'tile/64/000',
    'tile/0/x000/001',
    'tile/0/001/002',
    'tile/0/x001',
    'tile/0/1',
    'tile/0/000.p/0',
    'tile/0/000.p/256',
    'tile/0/000.p/01',
    '/tile/0/000',
    'tile/0/000/',
    'tile/entries/../000',
    'tile/0/x999/x999/x999/x999/x999/x999/999',
  ])('has no path such as %s', (path) => expect(parseTilePath(path)).toBeUndefined())

  it('with other bytes than its width says is refused by name', async () => {
    await expect(inclusionProof(sha256, () => new Uint8Array(64), 0, 3)).rejects.toThrow(
      'tile/0/000.p/3 has 96 bytes, and not 64',
    )
  })

  it('does not grow from an edge of another tree', () => {
    expect(() => grow(sha256, { size: 3, levels: [new Uint8Array(64)] }, leaf(3))).toThrow(
      'the edge of level 0 of a tree of 3 leaves has 3 hashes',
    )
    expect(() => append(sha256, { size: 3, hashes: [] }, leaf(3))).toThrow('a frontier of 3 leaves has 2 hashes')
  })
})

describe('a bundle of entries', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 256 }), (entries) => {
        const bytes = entryBundle(entries)
        expect(parseEntryBundle(bytes, entries.length)).toEqual(entries)
        expect(() => parseEntryBundle(bytes, entries.length + 1)).toThrow(RangeError)
        if (entries.length > 0) expect(() => parseEntryBundle(bytes, entries.length - 1)).toThrow(RangeError)
        expect(() => parseEntryBundle(joined([bytes, Uint8Array.of(0)]), entries.length + 1)).toThrow(RangeError)
      }),
    )
  })

  it('says where it breaks', () => {
    const bytes = entryBundle([Buffer.from('one'), Buffer.from('two')])
    expect(() => parseEntryBundle(bytes.subarray(0, -1), 2)).toThrow('entry 1 of the bundle ends after the bundle')
    expect(() => parseEntryBundle(bytes, 1)).toThrow('a bundle of 1 entries has 2')
    expect(() => entryBundle([new Uint8Array(65_536)])).toThrow('at most 65535 bytes')
  })
})
