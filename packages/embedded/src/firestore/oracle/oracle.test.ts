import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Stage, judge } from './case.ts'
import { exceptions } from './exceptions.ts'
import { oracleFiles } from './files.ts'
import { hasRecordings } from './recordings.ts'

describe.skipIf(!hasRecordings).each(oracleFiles)("$name as Google's emulator answers", ({ name: file, cases }) => {
  let stage: Stage
  beforeAll(async () => {
    stage = await Stage.open()
  })
  afterAll(() => stage.close())

  // Waits for locks take seconds, and each scenario of transactions has an engine of its own.
  const run = file === 'transactions' ? test.concurrent : test
  for (const { name, play } of cases) {
    run(name, { timeout: 60_000 }, async () => {
      const { outcome, detail } = judge(file, name, await play(stage))
      expect(outcome, detail).not.toBe('failed')
    })
  }
})

describe('a case', () => {
  const listed = { 'f: a': 'a reason', 'f: b: step': 'another' }
  const difference = { step: '', detail: 'answered 1, recorded 2' }
  const outcome = (...args: Parameters<typeof judge>) => judge(...args).outcome

  test('passes without a difference, and fails with one', () => {
    expect(outcome('f', 'c', [], listed)).toBe('passed')
    expect(judge('f', 'c', [difference], listed)).toEqual({ outcome: 'failed', detail: 'f: c\nanswered 1, recorded 2' })
  })

  test('is excepted for just what is listed', () => {
    expect(outcome('f', 'a', [difference], listed)).toBe('excepted')
    expect(outcome('f', 'b', [{ ...difference, step: 'step' }], listed)).toBe('excepted')
    expect(outcome('f', 'b', [{ ...difference, step: 'other' }], listed)).toBe('failed')
  })

  test('that is listed and agrees fails', () => {
    expect(outcome('f', 'a', [], listed)).toBe('failed')
    expect(outcome('f', 'b', [difference], { 'f: b': 'r', 'f: b: step': 's' })).toBe('failed')
  })
})

test('every exception stands in the documents, with its reason', async () => {
  const text = await readFile(join(import.meta.dirname, '../../../../../docs/emulator-differences.md'), 'utf8')
  const missing = Object.entries(exceptions).filter(([name, reason]) => !text.includes(name) || !text.includes(reason))
  expect(missing).toEqual([])
})
