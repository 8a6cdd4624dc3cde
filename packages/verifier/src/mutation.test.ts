// Whoever may write the files of a log, but has not its key, cannot change its history unseen: every change that is drawn
// here is found, and found where it was made.
import fc from 'fast-check'
import { beforeAll, expect, it } from 'vitest'
import { entryBundle, parseEntryBundle, parseTilePath } from '@infinity-matrix/core/merkle'
import { filesOf, testEntry, testLog, type TestLog } from './testing.ts'
import { verifyLog } from './verify-log.ts'

const size = 530
let log: TestLog

beforeAll(async () => {
  log = await testLog(
    Array.from({ length: size }, (_, index) => testEntry(index)),
    [3, 256, 300],
  )
})

const faultOf = async (changed: Map<string, Uint8Array>): Promise<string> =>
  verifyLog(filesOf(changed)).then(
    () => 'whole',
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  )

const bundlePath = (index: number) => `tile/entries/00${Math.floor(index / 256)}${index >= 512 ? '.p/18' : ''}`
const bundleOf = (index: number) => {
  const path = bundlePath(index)
  const width = index >= 512 ? 18 : 256
  return { path, at: index % 256, entries: parseEntryBundle(log.files.get(path) ?? new Uint8Array(), width) }
}

const index = fc.nat(size - 1)
const runs = { numRuns: 60 }

it('is whole as long as nothing is changed', async () => {
  expect(await faultOf(log.files)).toBe('whole')
})

it('an entry that was changed is named', async () => {
  await fc.assert(
    fc.asyncProperty(index, fc.nat(), fc.integer({ min: 1, max: 255 }), async (number, place, mask) => {
      const { path, at, entries } = bundleOf(number)
      const changed = entries.map((entry) => entry.slice())
      const entry = changed[at] ?? new Uint8Array()
      entry[place % entry.length] = (entry[place % entry.length] ?? 0) ^ mask
      expect(await faultOf(new Map(log.files).set(path, entryBundle(changed)))).toMatch(`entry ${number}: `)
    }),
    runs,
  )
})

it('an entry that was removed, put in or moved is named', async () => {
  await fc.assert(
    fc.asyncProperty(index, index, fc.constantFrom('remove', 'insert', 'swap', 'repeat'), async (a, b, change) => {
      const { path, at, entries } = bundleOf(a)
      const other = b % entries.length
      const [first, second] = [entries[at] ?? new Uint8Array(), entries[other] ?? new Uint8Array()]
      const changes = {
        remove: entries.toSpliced(at, 1),
        insert: entries.toSpliced(at, 0, Buffer.from(testEntry(size + b))),
        swap: entries.with(at, second).with(other, first),
        repeat: entries.toSpliced(at, 0, first),
      }
      const isChanged = change !== 'swap' || at !== other
      // What is repeated is first seen where the next one should be.
      const place = { remove: at, insert: at, swap: Math.min(at, other), repeat: at + 1 }[change]
      expect(await faultOf(new Map(log.files).set(path, entryBundle(changes[change])))).toMatch(
        isChanged ? `entry ${a - at + place}: ` : 'whole',
      )
    }),
    runs,
  )
})

it.each([255, 511, size - 1])('the last entry of a bundle, %i, is missed', async (number) => {
  const { path, entries } = bundleOf(number)
  const without = entryBundle(entries.slice(0, -1))
  expect(await faultOf(new Map(log.files).set(path, without))).toMatch(`entry ${number}: is missing in ${path}`)
  expect(await faultOf(new Map(log.files).set(path, new Uint8Array()))).toMatch(/^entry \d+: is missing in /)
})

it('a hash that was changed is named with its tile', async () => {
  const tiles = [...log.files.keys()].filter((path) => /^tile\/\d/.test(path))
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...tiles),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      async (path, place, mask) => {
        const bytes = Uint8Array.from(log.files.get(path) ?? [])
        const at = place % bytes.length
        bytes[at] = (bytes[at] ?? 0) ^ mask
        const fault = await faultOf(new Map(log.files).set(path, bytes))
        const isLast = [...tiles].every((other) => !isFuller(other, path))
        expect(fault).toMatch(isLast ? `${path}: hash ${Math.floor(at / 32)} is not that of ` : `${path}: is not how `)
      },
    ),
    runs,
  )
})

const isFuller = (path: string, than: string) => {
  const [a, b] = [parseTilePath(path), parseTilePath(than)]
  return a !== undefined && b !== undefined && a.level === b.level && a.index === b.index && a.width > b.width
}

it('a file that was cut, made longer, emptied, removed, or put in the place of another is named', async () => {
  const paths = [...log.files.keys()].filter((path) => path !== 'policy')
  const path = fc.constantFrom(...paths)
  await fc.assert(
    fc.asyncProperty(
      path,
      path,
      fc.nat(),
      fc.constantFrom('cut', 'longer', 'empty', 'remove', 'copy'),
      async (one, other, place, change) => {
        const bytes = log.files.get(one) ?? new Uint8Array()
        const foreign = log.files.get(other) ?? new Uint8Array()
        fc.pre(change !== 'copy' || Buffer.compare(bytes, foreign) !== 0)
        const changed = new Map(log.files)
        if (change === 'remove') changed.delete(one)
        else
          changed.set(
            one,
            {
              cut: bytes.subarray(0, place % bytes.length),
              longer: Buffer.concat([bytes, Buffer.of(place % 256)]),
              empty: new Uint8Array(),
              copy: foreign,
            }[change],
          )
        // A tile or a checkpoint from before may be left out: nothing rests on it.
        const isEarlier = one.startsWith('checkpoints/') || paths.some((fuller) => isFuller(fuller, one))
        const fault = await faultOf(changed)
        if (change === 'remove' && isEarlier) expect(fault).toBe('whole')
        else
          expect(
            placesOf(one).some((named) => fault.startsWith(`${named}: `) || fault.startsWith(`${named} `)),
            `${one}: ${change}: ${fault}`,
          ).toBe(true)
      },
    ),
    { numRuns: 150 },
  )
})

/**
 * Where a fault of a file may be named: by its path, or by an entry of a bundle. A log that was put back to an earlier
 * checkpoint of its own shows by the tiles that it then has too many.
 */
const placesOf = (path: string): string[] => {
  const tile = parseTilePath(path)
  if (path === 'checkpoint') return [path, ...log.files.keys()]
  if (tile?.level !== 'entries') return [path]
  return [path, ...Array.from({ length: tile.width + 1 }, (_, at) => `entry ${tile.index * 256 + at}`)]
}

it('a checkpoint that was changed is named', async () => {
  const paths = ['checkpoint', 'checkpoints/3', 'checkpoints/256', 'checkpoints/300']
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...paths),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      async (path, place, mask) => {
        const bytes = Uint8Array.from(log.files.get(path) ?? [])
        const at = place % bytes.length
        bytes[at] = (bytes[at] ?? 0) ^ mask
        expect(await faultOf(new Map(log.files).set(path, bytes))).toMatch(new RegExp(`^${path}:? `))
      },
    ),
    { numRuns: 120 },
  )
})
