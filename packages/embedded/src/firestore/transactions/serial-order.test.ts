import { describe, expect, test } from 'vitest'
import { serialOrder, type Committed, type Row, type Seen, type State } from './serial-order.ts'

const row = (n: number, on = false): Row => ({ n, on })
const INITIAL: State = new Map([
  ['a', row(1)],
  ['b', row(2)],
])

const together = { started: 0, ended: 9 }

const one = (seen: Seen[], wrote: Record<string, Row | null>, when = together): Committed => ({
  seen,
  wrote: new Map(Object.entries(wrote)),
  ...when,
})

const saw = (id: string, n: number | null): Seen => ({ id, n })
const isSerial = (history: Committed[], final: Record<string, Row>) =>
  serialOrder(INITIAL, history, new Map(Object.entries(final))) !== null

describe('a history', () => {
  test('is serial where one has seen what the other wrote', () => {
    const history = [one([saw('a', 10)], { a: row(11) }), one([saw('a', 1)], { a: row(10) })]
    expect(isSerial(history, { a: row(11), b: row(2) })).toBe(true)
    expect(isSerial(history, { a: row(10), b: row(2) })).toBe(false)
  })

  test('with a lost update is not', () => {
    const history = [one([saw('a', 1)], { a: row(10) }), one([saw('a', 1)], { a: row(11) })]
    expect(isSerial(history, { a: row(11), b: row(2) })).toBe(false)
  })

  test('with write skew is not', () => {
    const both = [saw('a', 1), saw('b', 2)]
    const history = [one(both, { a: row(10) }), one(both, { b: row(20) })]
    expect(isSerial(history, { a: row(10), b: row(20) })).toBe(false)
  })

  test('with a phantom is not', () => {
    const nobody: Seen = { find: (state) => [...state.values()].filter(({ on }) => on).map(({ n }) => n), found: [] }
    const history = [one([nobody], { x: row(10, true) }), one([nobody], { y: row(20, true) })]
    const final = { a: row(1), b: row(2), x: row(10, true), y: row(20, true) }
    expect(isSerial(history, final)).toBe(false)
  })

  test('with a torn read is not', () => {
    const history = [one([], { a: row(10), b: row(20) }), one([saw('a', 10), saw('b', 2)], {})]
    expect(isSerial(history, { a: row(10), b: row(20) })).toBe(false)
  })

  test('keeps to the order of what did not overlap', () => {
    const write = one([], { a: row(10) }, { started: 0, ended: 1 })
    const stale = one([saw('a', 1)], {}, { started: 2, ended: 3 })
    expect(isSerial([write, stale], { a: row(10), b: row(2) })).toBe(false)
    expect(isSerial([write, { ...stale, started: 0 }], { a: row(10), b: row(2) })).toBe(true)
  })
})
