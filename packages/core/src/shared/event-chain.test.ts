import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { extendChain } from './event-chain.ts'

const hash = (text: string) => createHash('sha256').update(text).digest('base64')
const object = fc.string().map((text) => JSON.stringify({ text }))
const texts = fc.array(object, { minLength: 1, maxLength: 8 })

it('is the same however its events are divided among commits', () => {
  fc.assert(
    fc.property(texts, fc.nat(8), (all, at) => {
      const before = at === 0 ? undefined : extendChain(hash, undefined, all.slice(0, at), 'w-1')
      const whole = extendChain(hash, undefined, all, 'w-2')
      expect(extendChain(hash, before, all.slice(at), 'w-2').head).toBe(whole.head)
      expect(whole.length).toBe(all.length)
    }),
  )
})

it('has another head when an event is changed, left out, put in or moved', () => {
  fc.assert(
    fc.property(texts, fc.nat(), fc.nat(), object, (all, one, other, text) => {
      const [i, j] = [one % all.length, other % all.length]
      const moved = all.toSpliced(i, 1).toSpliced(j, 0, all[i] ?? '')
      const variants = [all.with(i, text), all.toSpliced(i, 1), all.toSpliced(i, 0, text), moved]
      const headOf = (some: string[]) => extendChain(hash, undefined, some, 'w').head
      for (const variant of variants)
        if (JSON.stringify(variant) !== JSON.stringify(all)) expect(headOf(variant)).not.toBe(headOf(all))
    }),
  )
})
