import { appendFile, chmod, mkdtemp, open, readFile, readdir, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { crc32c, openJournal, type Journal, type JournalOptions } from './index.ts'

const newFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'journal-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')
const bytes = (letters: string): Buffer => Buffer.from(letters, 'latin1')

/** Opens a journal, and what it gave. */
const opened = async (folder: string, options: Partial<JournalOptions> = {}) => {
  const records: string[] = []
  const lines: string[] = []
  const journal = await openJournal({
    folder,
    kind: 'test',
    onRecord: (record) => records.push(text(record)),
    log: (line) => lines.push(line),
    ...options,
  })
  return { journal, records, lines }
}

const recordsOf = async (folder: string): Promise<string[]> => {
  const { journal, records } = await opened(folder)
  await journal.close()
  return records
}

/** Opens, lets `use` work with it, and closes. */
const inOneRun = async (folder: string, use: (journal: Journal) => Promise<unknown>, options = {}): Promise<void> => {
  const { journal } = await opened(folder, options)
  await use(journal)
  await journal.close()
}

it('knows CRC32C', () => {
  // RFC 3720, appendix B.4
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283)
  expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa)
  expect(crc32c(Buffer.alloc(32, 0xff))).toBe(0x62a8ab43)
  expect(crc32c(Buffer.from('56789'), crc32c(Buffer.from('1234')))).toBe(0xe3069283)
})

describe('a journal', () => {
  it('gives back what was added, in order, over many runs and segments', async () => {
    const folder = await newFolder()
    const all: string[] = []
    for (let run = 0; run < 4; run++) {
      const { journal, records } = await opened(folder, { segmentBytes: 300 })
      expect(records).toEqual(all)
      for (let i = 0; i < 10; i++) {
        const group = [`run ${run}`, `group ${i}`, '']
        await Promise.all(group.map((record) => journal.append(bytes(record))))
        all.push(...group)
      }
      expect(journal.pending).toBeUndefined()
      await journal.close()
    }
    expect((await readdir(folder)).length).toBeGreaterThan(4)
    expect(await recordsOf(folder)).toEqual(all)
  })

  it('takes records larger than it reads at a time', async () => {
    const folder = await newFolder()
    const large = ['a'.repeat(20_000_000), 'b', 'c'.repeat(5_000_000)]
    await inOneRun(folder, (journal) => Promise.all(large.map((record) => journal.append(bytes(record)))))
    expect((await recordsOf(folder)).map((record) => record.length)).toEqual(large.map((record) => record.length))
  })

  it('writes what is added while it writes together, and those who wait go on in order', async () => {
    const folder = await newFolder()
    const { journal } = await opened(folder)
    const order: number[] = []
    const first = journal.append(bytes('first')).then(() => order.push(0))
    expect(journal.pending).toBeDefined()
    await new Promise((resolve) => setImmediate(resolve))
    const others = Array.from({ length: 500 }, (_, i) => journal.append(bytes('x')).then(() => order.push(i + 1)))
    await Promise.all([first, ...others])
    expect(order).toEqual(Array.from({ length: 501 }, (_, i) => i))
    await journal.close()
    const size = (await readFile(join(folder, '0000000000000001.segment'))).length
    // Two frames at most three, not 501.
    expect(size).toBeLessThan(44 + 501 * 5 + 5 + 4 * 28)
  })

  it('puts a snapshot in the place of what came before, while more is added', async () => {
    const folder = await newFolder()
    const { journal } = await opened(folder, { compactAfterBytes: 100 })
    await journal.append(bytes('old 1'))
    expect(journal.compactionDue).toBe(false)
    await journal.append(bytes('old 2'.repeat(20)))
    expect(journal.compactionDue).toBe(true)
    const during = async function* () {
      yield bytes('state 1')
      await journal.append(bytes('new 1'))
      yield bytes('state 2')
    }
    const compacted = journal.compact(during())
    expect(journal.compactionDue).toBe(false)
    await expect(journal.compact([])).rejects.toThrow('already')
    const added = journal.append(bytes('new 0'))
    await Promise.all([compacted, added])
    await journal.append(bytes('new 2'))
    await journal.close()
    expect(await recordsOf(folder)).toEqual(['state 1', 'state 2', 'new 0', 'new 1', 'new 2'])
    expect((await readdir(folder)).toSorted()).toEqual([
      '0000000000000003.segment',
      '0000000000000003.snapshot',
      'lock',
    ])
  })

  it('is as it was when a snapshot fails, and can be compacted again', async () => {
    const folder = await newFolder()
    const { journal } = await opened(folder)
    await journal.append(bytes('a'))
    const failing = function* () {
      yield bytes('half')
      throw new Error('no more')
    }
    await expect(journal.compact(failing())).rejects.toThrow('no more')
    await journal.append(bytes('b'))
    await journal.close()
    expect(await recordsOf(folder)).toEqual(['a', 'b'])
    await inOneRun(folder, (again) => again.compact([bytes('ab')]))
    expect(await recordsOf(folder)).toEqual(['ab'])
  })

  it('is for one at a time, and of one kind', async () => {
    const folder = await newFolder()
    const { journal } = await opened(folder)
    await expect(opened(folder)).rejects.toMatchObject({ problem: 'locked' })
    await journal.append(bytes('a'))
    await journal.close()
    await expect(opened(folder, { kind: 'other' })).rejects.toMatchObject({ problem: 'foreign' })
    expect(await recordsOf(folder)).toEqual(['a'])
    await expect(journal.append(bytes('late'))).rejects.toThrow('closed')
  })

  it('says why a folder cannot be used', async () => {
    const folder = await newFolder()
    await writeFile(join(folder, 'file'), '')
    await expect(opened(join(folder, 'file'))).rejects.toThrow(/cannot use .*file for a journal: it is not a folder/)
    await expect(opened(join(folder, 'file/below'))).rejects.toThrow('a part of the path is not a folder')
  })

  it.skipIf(process.getuid?.() === 0)('says that a folder cannot be written', async () => {
    const folder = await newFolder()
    await chmod(folder, 0o500)
    await expect(opened(folder)).rejects.toMatchObject({ problem: 'unusable' })
  })

  it('says that the disk is full, once and to all', async () => {
    // A device that is always full stands where the next segment would be.
    const folder = await newFolder()
    const failures: string[] = []
    const { journal } = await opened(folder, { segmentBytes: 1, onFailure: (error) => failures.push(error.message) })
    await symlink('/dev/full', join(folder, '0000000000000002.segment'))
    const message = `cannot write the journal in ${folder}: the disk is full`
    await expect(journal.append(bytes('a'))).rejects.toThrow(message)
    await expect(journal.append(bytes('b'))).rejects.toThrow(message)
    await expect(journal.pending).rejects.toThrow(message)
    expect(failures).toEqual([message])
    await journal.close()
    await rm(join(folder, '0000000000000002.segment'))
    // What was on the disk is there, though nobody was told so.
    expect(await recordsOf(folder)).toEqual(['a'])
  })
})

/** A folder with groups of records in one segment, and where each group ends in the file. */
const written = async (groups: readonly (readonly string[])[]) => {
  const folder = await newFolder()
  const path = join(folder, '0000000000000001.segment')
  const ends: number[] = []
  await inOneRun(folder, async (journal) => {
    for (const group of groups) {
      await Promise.all(group.map((record) => journal.append(bytes(record))))
      ends.push((await readFile(path)).length)
    }
  })
  return { folder, path, ends, file: await readFile(path) }
}

describe('recovery', () => {
  const groups = [['one', 'two'], [''], ['three', 'four', 'imxjrnl1'], ['five']]

  it('keeps the whole groups before any place where the file is cut, and goes on from there', async () => {
    const { folder, path, ends, file } = await written(groups)
    for (let cut = 0; cut <= file.length; cut++) {
      await writeFile(path, file.subarray(0, cut))
      const whole = groups.slice(0, ends.filter((end) => end <= cut).length).flat()
      const { journal, records, lines } = await opened(folder)
      expect(records, `cut at ${cut}`).toEqual(whole)
      expect(lines.length > 0, `cut at ${cut}`).toBe(cut > 0 && cut !== 44 && !ends.includes(cut))
      await journal.append(bytes('more'))
      await journal.close()
      expect(await recordsOf(folder), `cut at ${cut}`).toEqual([...whole, 'more'])
    }
  })

  it('reports any byte that is not what it was, but in the last group, which may be a write that was cut short', async () => {
    const { folder, path, ends, file } = await written(groups)
    const lastGroup = ends.at(-2) as number
    for (let at = 0; at < file.length; at++) {
      const flipped = Buffer.from(file)
      flipped[at] = (flipped[at] as number) ^ (1 << (at % 8))
      await writeFile(path, flipped)
      if (at < lastGroup) await expect(opened(folder), `byte ${at}`).rejects.toMatchObject({ code: 'journal' })
      else expect(await recordsOf(folder), `byte ${at}`).toEqual(groups.slice(0, -1).flat())
    }
  })

  it('takes what is left of a write, in whatever order the disk got its parts, for nothing', async () => {
    const { folder, path, ends, file } = await written(groups)
    const lastGroup = ends.at(-2) as number
    const random = fc.uint8Array({ maxLength: 200 })
    await fc.assert(
      fc.asyncProperty(random, fc.boolean(), async (garbage, zeros) => {
        const tail = zeros ? new Uint8Array(garbage.length) : garbage
        await writeFile(path, Buffer.concat([file.subarray(0, lastGroup), tail]))
        expect(await recordsOf(folder)).toEqual(groups.slice(0, -1).flat())
      }),
      { numRuns: 50 },
    )
  })

  it('is not misled by records that hold a journal', async () => {
    const { file } = await written(groups)
    const { folder, path } = await written([[file.toString('latin1')], [file.toString('latin1')]])
    await truncate(path, (await readFile(path)).length - 1)
    expect(await recordsOf(folder)).toEqual([file.toString('latin1')])
  })

  it('reports files that are missing, cut short or renamed', async () => {
    const folder = await newFolder()
    const add = (record: string) => (journal: Journal) => journal.append(bytes(record))
    for (const record of ['a', 'b', 'c']) await inOneRun(folder, add(record), { segmentBytes: 1 })
    const name = (n: number, type = 'segment') => join(folder, `${String(n).padStart(16, '0')}.${type}`)
    const second = await readFile(name(2))
    await rm(name(2))
    await expect(opened(folder)).rejects.toThrow('lacks records: from 2 to before 3')
    await writeFile(name(2), second.subarray(0, -1))
    await expect(opened(folder)).rejects.toThrow('is damaged at byte 44')
    await writeFile(name(2), second.subarray(0, 44))
    await expect(opened(folder)).rejects.toThrow('lacks records: from 2 to before 3')
    await writeFile(name(2), await readFile(name(3)))
    await expect(opened(folder)).rejects.toThrow('was renamed')
    await writeFile(name(2), second)
    expect(await recordsOf(folder)).toEqual(['a', 'b', 'c'])

    await inOneRun(folder, (journal) => journal.compact([bytes('abc')]))
    const snapshot = await readFile(name(4, 'snapshot'))
    for (const broken of [snapshot.subarray(0, -1), snapshot.subarray(0, -28), snapshot.subarray(0, 44)]) {
      await writeFile(name(4, 'snapshot'), broken)
      await expect(opened(folder)).rejects.toThrow('snapshot is damaged')
    }
    await writeFile(name(4, 'snapshot'), snapshot)
    await rm(name(4))
    await expect(opened(folder)).rejects.toThrow('lacks 0000000000000004.segment')
  })

  it('clears away what a compaction left, at whatever step it was stopped', async () => {
    const folder = await newFolder()
    await inOneRun(folder, (journal) => journal.append(bytes('a')))
    const old = await readFile(join(folder, '0000000000000001.segment'))
    await inOneRun(folder, async (journal) => {
      await journal.compact([bytes('A')])
      await journal.append(bytes('b'))
    })
    await writeFile(join(folder, '0000000000000001.segment'), old)
    await writeFile(join(folder, '0000000000000002.snapshot.new'), 'half')
    expect(await recordsOf(folder)).toEqual(['A', 'b'])
    expect((await readdir(folder)).toSorted()).toEqual([
      '0000000000000002.segment',
      '0000000000000002.snapshot',
      'lock',
    ])
    // And before the snapshot counted: the next segment was there already.
    await rm(join(folder, '0000000000000002.snapshot'))
    await writeFile(join(folder, '0000000000000001.segment'), old)
    expect(await recordsOf(folder)).toEqual(['a', 'b'])
  })

  it('refuses a file that is none of its own', async () => {
    const folder = await newFolder()
    await appendFile(join(folder, '0000000000000001.segment'), 'x'.repeat(100))
    await expect(opened(folder)).rejects.toMatchObject({ problem: 'foreign' })
    const handle = await open(join(folder, '0000000000000001.segment'))
    expect((await handle.stat()).size).toBe(100)
    await handle.close()
  })
})
