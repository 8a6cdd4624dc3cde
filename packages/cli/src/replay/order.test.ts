import { expect, test } from 'vitest'
import { publishOrder } from './order.ts'

const histories = ['a', 'b', 'c'].map((agent, index) => Array.from({ length: 5 + index }, (_, i) => `${agent}${i + 1}`))
const all = histories.flat().sort()

test('agents take turns, and each keeps its own order', () => {
  const order = publishOrder(histories)
  expect(order.slice(0, 6)).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'c2'])
  expect(order.slice(-3)).toEqual(['b6', 'c6', 'c7'])
  expect(order.filter((event) => event.startsWith('b'))).toEqual(histories[1])
})

test('a shuffle keeps every event, is told by its seed, and changes the order within an agent', () => {
  const order = publishOrder(histories, { shuffleSeed: 7 })
  expect(order.toSorted()).toEqual(all)
  expect(publishOrder(histories, { shuffleSeed: 7 })).toEqual(order)
  expect(publishOrder(histories, { shuffleSeed: 8 })).not.toEqual(order)
  expect(order.filter((event) => event.startsWith('c'))).not.toEqual(histories[2])
})

test('the wanted share of events is there twice', () => {
  const many = [Array.from({ length: 2000 }, (_, i) => i)]
  expect(publishOrder(many, { duplicateFraction: 0 })).toHaveLength(2000)
  expect(publishOrder(many, { duplicateFraction: 1 })).toHaveLength(4000)
  const some = publishOrder(many, { duplicateFraction: 0.25, shuffleSeed: 3 })
  expect(some.length).toBeGreaterThan(2400)
  expect(some.length).toBeLessThan(2600)
  expect(new Set(some).size).toBe(2000)
})
