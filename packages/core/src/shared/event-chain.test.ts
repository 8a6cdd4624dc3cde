import { hash as nodeHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { eventHashOf, extendChain, linked } from './event-chain.ts'

const hash = (text: string) => nodeHash('sha256', text, 'base64url')
const texts = fc.array(fc.string(), { minLength: 1, maxLength: 8 })

it('is the same however its events are divided among commits', () => {
  fc.assert(
    fc.property(texts, fc.nat(8), (all, at) => {
      const before = at === 0 ? undefined : extendChain(undefined, all.slice(0, at), 'w-1', hash)
      const whole = extendChain(undefined, all, 'w-2', hash)
      expect(extendChain(before, all.slice(at), 'w-2', hash).head).toBe(whole.head)
      expect(whole.length).toBe(all.length)
    }),
  )
})

it('has another head when an event is changed, left out, put in or moved', () => {
  fc.assert(
    fc.property(texts, fc.nat(), fc.nat(), fc.string(), (all, one, other, text) => {
      const [i, j] = [one % all.length, other % all.length]
      const moved = all.toSpliced(i, 1).toSpliced(j, 0, all[i] ?? '')
      const variants = [all.with(i, text), all.toSpliced(i, 1), all.toSpliced(i, 0, text), moved]
      const headOf = (some: string[]) => extendChain(undefined, some, 'w', hash).head
      for (const variant of variants)
        if (JSON.stringify(variant) !== JSON.stringify(all)) expect(headOf(variant)).not.toBe(headOf(all))
    }),
  )
})

it('of one event is not that event', () => {
  expect(linked('', eventHashOf('a', hash), hash)).not.toBe(eventHashOf('a', hash))
})
