import fc from 'fast-check'
import { expect, it } from 'vitest'
import { fromBase64, toBase64 } from './base64.ts'
import { utf8 } from './utf8.ts'

it('writes bytes as everybody does, and reads them back', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'))
      expect(fromBase64(toBase64(bytes))).toEqual(bytes)
    }),
  )
})

it.each(['A', 'AA', 'AAA', 'AA=', 'AB==', 'AAB=', 'AA==\n', ' AAAA', 'AA-_', 'AAAA=', '=', 'AA==AAAA'])(
  'does not read %j, which is not the one form',
  (text) => expect(fromBase64(text)).toBeUndefined(),
)

it('writes text in UTF-8', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect([...utf8(text)]).toEqual([...Buffer.from(text)])
    }),
  )
  expect(() => utf8('\ud800')).toThrow(URIError)
})
