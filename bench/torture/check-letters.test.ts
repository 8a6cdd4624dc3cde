import { describe, expect, it } from 'vitest'
import { checkLetters, type KeptLetter } from './check-letters.ts'
import type { ExpectedLetter } from './messages.ts'

const letter = (id: string, code: string, text: string): KeptLetter => ({ id, code, bytes: Buffer.from(text) })
const expected: ExpectedLetter[] = [
  { code: 'not-json', bytes: Buffer.from('one'), count: 2 },
  { code: 'too-old', bytes: Buffer.from('two'), count: 1 },
]
const right = [letter('a', 'not-json', 'one'), letter('b', 'not-json', 'one'), letter('c', 'too-old', 'two')]
const found = (kept: readonly KeptLetter[], announced = kept.map(({ id }) => id)) =>
  checkLetters(expected, kept, new Set(announced)).map(({ kind, what }) => `${kind}: ${what}`)

describe('dead letters', () => {
  it('that are those planted are in order', () => {
    expect(found(right)).toEqual([])
  })

  it('of which one is missing: it is lost', () => {
    expect(found(right.slice(1))).toEqual(['lost: not-json has no dead letter'])
  })

  it('of which there is one too many', () => {
    expect(found([...right, letter('d', 'too-old', 'two')])).toEqual(['unexplained: dead letter d is one too many'])
  })

  it('with another code', () => {
    expect(found([...right.slice(0, 2), letter('c', 'bad-data', 'two')])).toEqual([
      'unexplained: dead letter c has another code',
    ])
  })

  it('of an input that was not planted', () => {
    expect(found([...right, letter('d', 'bad-data', 'a good event')])).toEqual([
      'unexplained: dead letter d was not planted',
    ])
  })

  it('that were not announced', () => {
    expect(found(right, ['a', 'b'])).toEqual(['lost: dead letter c was not announced'])
  })
})
