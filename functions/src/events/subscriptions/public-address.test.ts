import { describe, expect, it } from 'vitest'
import { publicAddresses, type Resolve } from './public-address.ts'

const to =
  (...addresses: string[]): Resolve =>
  async () =>
    addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
const open = (url: string, { mayBeLocal = false, resolve = to('93.184.215.14') } = {}) =>
  publicAddresses(new URL(url), { mayBeLocal, resolve })

describe('an endpoint', () => {
  it.each(['https://example.com/hook', 'https://93.184.215.14', 'https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/'])(
    'of public addresses is posted to: %s',
    async (url) => {
      expect(await open(url)).toHaveLength(1)
    },
  )

  it.each([
    ['https://127.0.0.1', 'loopback'],
    ['https://2130706433/', 'loopback'],
    ['https://0x7f.1/', 'loopback'],
    ['https://[::1]/', 'loopback'],
    ['https://[::ffff:127.0.0.1]/', 'loopback'],
    ['https://10.0.0.1', 'private'],
    ['https://172.16.3.4', 'private'],
    ['https://192.168.1.1', 'private'],
    ['https://169.254.169.254/computeMetadata/v1/', 'linkLocal'],
    ['https://[::ffff:a9fe:a9fe]/', 'linkLocal'],
    ['https://[fe80::1]/', 'linkLocal'],
    ['https://[fd20:ce::254]/', 'uniqueLocal'],
    ['https://100.64.0.1', 'carrierGradeNat'],
    ['https://0.0.0.0', 'unspecified'],
    ['https://[::]/', 'unspecified'],
    ['https://224.0.0.1', 'multicast'],
    ['https://[64:ff9b::7f00:1]/', 'rfc6052'],
  ])('of an address that is not public is refused: %s', async (url, range) => {
    await expect(open(url)).rejects.toThrow(range)
  })

  it.each([
    ['127.0.0.1', 'loopback'],
    ['169.254.169.254', 'linkLocal'],
    ['fd00::1', 'uniqueLocal'],
  ])('whose name leads to %s, be it among others, is refused', async (address, range) => {
    const resolve = to('93.184.215.14', address)
    await expect(open('https://example.com', { resolve })).rejects.toThrow(range)
    await expect(open('https://example.com', { resolve, mayBeLocal: true })).rejects.toThrow(range)
  })

  it('whose name leads nowhere is refused', async () => {
    const resolve: Resolve = () => Promise.reject(new Error('ENOTFOUND'))
    await expect(open('https://nowhere.example', { resolve })).rejects.toThrow('it has none')
  })

  it('without https is refused', async () => {
    await expect(open('http://example.com')).rejects.toThrow('must be https')
  })

  it('on this machine is posted to where that is allowed, and nothing private beside it', async () => {
    const [one] = await publicAddresses(new URL('http://localhost:1234/'), { mayBeLocal: true })
    expect(['127.0.0.1', '::1']).toContain(one?.address)
    await expect(publicAddresses(new URL('http://localhost:1234/'), { mayBeLocal: false })).rejects.toThrow('https')
    await expect(open('http://10.0.0.1/', { mayBeLocal: true })).rejects.toThrow('must be https')
    await expect(open('https://10.0.0.1/', { mayBeLocal: true })).rejects.toThrow('private')
  })
})
