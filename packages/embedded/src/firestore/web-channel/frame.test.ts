import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { arrayIdOf, chunk, parseForward } from './frame.ts'

const form = (entries: Record<string, string>) => String(new URLSearchParams(entries))

describe('a body of messages', () => {
  test('has its messages, the number of the first, and headers', () => {
    const body = form({
      headers: 'Authorization:Bearer owner\r\nX-Goog-Api-Client: gl-js/ fire/12\r\n',
      count: '2',
      ofs: '7',
      req0___data__: '{"a":"&=é😀"}',
      req1___data__: '{}',
    })
    expect(parseForward(body)).toEqual({
      offset: 7,
      messages: ['{"a":"&=é😀"}', '{}'],
      headers: new Map([
        ['authorization', 'Bearer owner'],
        ['x-goog-api-client', 'gl-js/ fire/12'],
      ]),
    })
  })

  test('may be empty', () => {
    expect(parseForward('')).toEqual({ offset: 0, messages: [], headers: new Map() })
    expect(parseForward('count=0')).toEqual({ offset: 0, messages: [], headers: new Map() })
  })

  test.each([
    'count=1',
    'count=2&req0___data__={}',
    'count=-1',
    'count=1e9',
    'count=99999999',
    'count=x',
    'count=1&ofs=-1&req0___data__={}',
    'count=1&ofs=1.5&req0___data__={}',
    'count=1&req0_type=_badmap',
  ])('that cannot be read is refused: %s', (body) => {
    expect(() => parseForward(body)).toThrow(SyntaxError)
  })

  test('is read or refused, whatever it is', () => {
    const pieces = fc.constantFrom(
      'count=',
      'ofs=',
      'req0___data__=',
      'headers=',
      '&',
      '=',
      '%',
      '%f',
      '1',
      '0',
      '\r\n',
    )
    const body = fc.array(fc.oneof(pieces, fc.string({ unit: 'binary' })), { maxLength: 20 })
    fc.assert(
      fc.property(body, (parts) => {
        try {
          const { offset, messages } = parseForward(parts.join(''))
          expect(Number.isSafeInteger(offset) && offset >= 0 && messages.length <= 1000).toBe(true)
        } catch (error) {
          expect(error).toBeInstanceOf(SyntaxError)
        }
      }),
    )
  })
})

test('a chunk tells its length as JavaScript counts it', () => {
  expect(chunk('["é😀"]')).toBe('7\n["é😀"]')
})

test('the id of an array is a whole number, or none', () => {
  expect([arrayIdOf('12'), arrayIdOf('-1'), arrayIdOf(null)]).toEqual([12, -1, -1])
  for (const text of ['', 'x', '-2', '1.5', '99999999999999999']) expect(() => arrayIdOf(text)).toThrow(SyntaxError)
})
