// The strict policy of docs/rooms/ledger.md on the recorded vectors of others: what is expected of each is stated by the
// policy, from what its source says that it is. Skipped where ../shared/data is absent.
import { generateKeyPairSync, sign } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isStrictKey, isStrictlyFormed } from '@infinity-matrix/core/strict-ed25519'
import { describe, expect, it } from 'vitest'
import { verifyStrictEd25519 } from './strict-ed25519.ts'

const data = join(import.meta.dirname, '../../../../shared/data')
const isThere = existsSync(join(data, 'vectors-wycheproof'))
const read = (path: string): unknown => JSON.parse(readFileSync(join(data, path), 'utf8'))
const bytes = (hex: string) => Buffer.from(hex, 'hex')

describe.skipIf(!isThere)('the vectors of others (skipped without ../shared/data)', () => {
  it('Wycheproof: what is valid there is taken, and nothing else', () => {
    interface Group {
      publicKey: { pk: string }
      tests: { tcId: number; msg: string; sig: string; result: 'valid' | 'invalid' }[]
    }
    const { testGroups } = read('vectors-wycheproof/testvectors_v1/ed25519_test.json') as { testGroups: Group[] }
    const found = testGroups.flatMap(({ publicKey, tests }) =>
      tests.map(({ tcId, msg, sig, result }) => ({
        tcId,
        result,
        isTaken: verifyStrictEd25519(bytes(publicKey.pk), bytes(msg), bytes(sig)),
      })),
    )
    expect(found).toHaveLength(151)
    expect(found.filter(({ result, isTaken }) => isTaken !== (result === 'valid'))).toEqual([])
  })

  it('CCTV: points of small order, other forms of points, and residues of small order are refused', () => {
    const vectors = read('vectors-ed25519-cctv/ed25519/ed25519vectors.json') as {
      number: number
      key: string
      sig: string
      msg: string
      flags: string[] | null
    }[]
    const refused = ['low_order_A', 'low_order_R', 'non_canonical_A', 'non_canonical_R', 'low_order_residue']
    const found = vectors.map(({ number, key, sig, msg, flags }) => ({
      number,
      flags: flags ?? [],
      isTaken: verifyStrictEd25519(bytes(key), Buffer.from(msg), bytes(sig)),
      isFormed: isStrictlyFormed(bytes(key), bytes(sig)),
      isGoodForm: !(flags ?? []).some((flag) => refused.slice(0, -1).includes(flag)),
      isGood: !(flags ?? []).some((flag) => refused.includes(flag)),
    }))
    expect(found).toHaveLength(914)
    expect(found.filter(({ isTaken, isGood }) => isTaken !== isGood)).toEqual([])
    // A residue shows in the equation only; all else is seen before it, whatever the runtime's own rules are.
    expect(found.filter(({ isFormed, isGoodForm }) => isFormed !== isGoodForm)).toEqual([])
    // The policy is not that of refusing everything: parts of small order alone are taken where the equation holds.
    expect(found.filter(({ isTaken }) => isTaken).length).toBeGreaterThan(0)
  })

  it('speccheck: of its twelve cases the policy takes but the fourth', () => {
    // As its README describes them: 0-2 have a key or R of small order, 3 has parts of small order in both and holds
    // without cofactor, 4-5 hold with cofactor only, 6-7 have an S not below the order, 8-9 an R and 10-11 a key in
    // another form.
    const cases = read('vectors-ed25519-speccheck/cases.json') as {
      message: string
      pub_key: string
      signature: string
    }[]
    const taken = cases.map((one) => verifyStrictEd25519(bytes(one.pub_key), bytes(one.message), bytes(one.signature)))
    expect(taken).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map((number) => number === 3))
    const formed = cases.map((one) => isStrictlyFormed(bytes(one.pub_key), bytes(one.signature)))
    expect(formed).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map((number) => number >= 3 && number <= 5))
  })
})

describe('the strict policy', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const key = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)
  const message = Buffer.from('message')
  const signature = sign(null, message, privateKey)

  it('takes what node signs', () => {
    expect(verifyStrictEd25519(key, message, signature)).toBe(true)
    expect(verifyStrictEd25519(key, Buffer.from('massage'), signature)).toBe(false)
  })

  it('knows keys that are none by themselves', () => {
    expect(isStrictKey(key)).toBe(true)
    expect(isStrictKey(Buffer.alloc(32))).toBe(false)
    expect(isStrictKey(Buffer.alloc(32, 0xff))).toBe(false)
    expect(isStrictKey(key.subarray(1))).toBe(false)
  })

  it('refuses keys and signatures of other sizes', () => {
    expect(verifyStrictEd25519(key, message, signature.subarray(0, 63))).toBe(false)
    expect(verifyStrictEd25519(key, message, Buffer.concat([signature, Buffer.of(0)]))).toBe(false)
    expect(verifyStrictEd25519(key.subarray(1), message, signature)).toBe(false)
    expect(verifyStrictEd25519(Buffer.alloc(0), message, signature)).toBe(false)
  })
})
