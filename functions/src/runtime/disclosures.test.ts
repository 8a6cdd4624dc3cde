import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sha256 } from './sha256.ts'
import { commit, commitmentOf } from './disclosures.ts'

const saltOf = (committed: { salt: string }) => Buffer.from(committed.salt, 'base64url')
const base64url = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url')

describe('a commitment', () => {
  it('hides: the same value twice is two commitments, and none is a hash of the value', () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        const [one, other] = [commit(value), commit(value)]
        expect(one.salt).not.toBe(other.salt)
        expect(one.commitment).not.toBe(other.commitment)
        expect(one.commitment).not.toBe(base64url(sha256(Buffer.from(value))))
      }),
    )
  })

  it('binds: with its salt it is of its value, and of no other', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (value, another) => {
        const committed = commit(value)
        expect(commitmentOf(saltOf(committed), value)).toBe(committed.commitment)
        if (another !== value) expect(commitmentOf(saltOf(committed), another)).not.toBe(committed.commitment)
      }),
    )
  })

  it('has a salt that nobody goes through: 32 bytes, each drawn by chance', () => {
    const salts = Array.from({ length: 2000 }, () => saltOf(commit('ada@example.com')))
    expect(new Set(salts.map(({ length }) => length))).toEqual(new Set([32]))
    for (let at = 0; at < 32; at++) expect(new Set(salts.map((salt) => salt[at])).size).toBeGreaterThan(200)
  })

  it.each([
    ['00'.repeat(32), '', 'Zmh6rfhivXdsj8GLjp-OIAiXFIVu4jOzkCpZHQ1fKSU'],
    ['ff'.repeat(32), 'ada@example.com', 'gHBGPpzCBAky3UQmL9Dps0SbnIE-Fv0O0AjCMSuO6Eo'],
  ])('of salt %s and %j is SHA-256 of both, one after the other', (salt, value, known) => {
    expect(commitmentOf(Buffer.from(salt, 'hex'), value)).toBe(known)
  })
})
