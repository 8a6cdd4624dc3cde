import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createSigning } from './signature.ts'

const secretOf = (version: number) => ({
  version: String(version),
  createdAt: `2026-0${version}-01T00:00:00.000Z`,
  value: Buffer.alloc(32, version),
})
const nowMs = () => 1_614_265_330_999
const signing = (...versions: number[]) => createSigning({ own: async () => versions.map(secretOf) }, nowMs)
const signed = { id: 'event-1', body: Buffer.from('{"a":"€"}') }

/** As an endpoint does, by the specification. */
const isGood = (headers: Record<string, string>, secret: string, body: Uint8Array = signed.body) => {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
  const text = Buffer.concat([Buffer.from(`${headers['webhook-id']}.${headers['webhook-timestamp']}.`), body])
  const wanted = createHmac('sha256', key).update(text).digest('base64')
  return (headers['webhook-signature'] ?? '').split(' ').some((signature) => signature === `v1,${wanted}`)
}
const secretsOf = async (subscription: string, ...versions: number[]) =>
  (await signing(...versions).secretsOf(subscription)).map(({ secret }) => secret)

describe('a delivery', () => {
  it('is signed with its id and the time, for its own subscription', async () => {
    const headers = await signing(1).sign('s-1', signed)
    expect(headers).toMatchObject({ 'webhook-id': 'event-1', 'webhook-timestamp': '1614265330' })
    const [[own = ''], [other = '']] = [await secretsOf('s-1', 1), await secretsOf('s-2', 1)]
    expect(own).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
    expect(isGood(headers, own)).toBe(true)
    expect(isGood(headers, other)).toBe(false)
    expect(isGood(headers, own, Buffer.from('{"a":"$"}'))).toBe(false)
    expect(isGood({ ...headers, 'webhook-timestamp': '1614265331' }, own)).toBe(false)
  })

  it('is good for who knows the old secret or the new one while there are both', async () => {
    const headers = await signing(2, 1).sign('s-1', signed)
    const [[fresh = ''], [old = '']] = [await secretsOf('s-1', 2), await secretsOf('s-1', 1)]
    expect([isGood(headers, fresh), isGood(headers, old)]).toEqual([true, true])
    expect(await secretsOf('s-1', 2, 1)).toEqual([fresh, old])
    expect(isGood(await signing(3, 2).sign('s-1', signed), old)).toBe(false)
  })
})
