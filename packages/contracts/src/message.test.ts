import fc from 'fast-check'
import { expect, it } from 'vitest'
import { lineItemsOf, messageText, packMessages } from './message.ts'

const bytesOf = (text: string) => Buffer.byteLength(text)
const raw = fc.string({ unit: 'binary', maxLength: 40 }).map((text) => JSON.stringify(text))

it('events are packed in their order into messages that are not too large, nor more than are needed', () => {
  fc.assert(
    fc.property(fc.array(raw), fc.integer({ min: 20, max: 300 }), (raws, bytesMax) => {
      const messages = packMessages(raws, bytesOf, bytesMax)
      expect(messages.flat()).toEqual(raws)
      messages.forEach((events, index) => {
        expect(events.length).toBeGreaterThan(0)
        if (events.length > 1) expect(bytesOf(messageText(events))).toBeLessThanOrEqual(bytesMax)
        const [next] = messages[index + 1] ?? []
        if (next !== undefined) expect(bytesOf(messageText([...events, next]))).toBeGreaterThan(bytesMax)
      })
    }),
  )
})

it('the text of a message is its events, one in each line', () => {
  expect(messageText(['{"a":1}'])).toBe('{"a":1}')
  expect(lineItemsOf(messageText(['{"a":1}', '{"b":2}']))).toEqual([
    { text: '{"a":1}', line: 1, body: { ok: true, value: { a: 1 } } },
    { text: '{"b":2}', line: 2, body: { ok: true, value: { b: 2 } } },
  ])
})
