import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { emptyTree, openCheckpoint } from '@infinity-matrix/core/ledger'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createGoogleApi, type GoogleApi } from '../../runtime/google-api.ts'
import { sha256 } from '../../runtime/sha256.ts'
import { openKmsKey } from './cloud-kms.ts'
import { signersOf } from './index.ts'
import { openKeyFile } from './key-file.ts'
import { bytesOfPublicKey, signingKinds, verifySignature, type SigningKey, type SigningKind } from './signing-key.ts'

const algorithms = { ed25519: 'EC_SIGN_ED25519', 'ml-dsa-44': 'PQ_SIGN_ML_DSA_44' } as const
const ring = 'projects/p/locations/global/keyRings/r/cryptoKeys'
const nameOf = (key: string) => `${ring}/${key}/cryptoKeyVersions/1`

/** Cloud KMS as far as signing goes: two keys, one that signs wrongly, and one of a kind that no log has. */
const startKms = async () => {
  const pairs = { ed25519: generateKeyPairSync('ed25519'), 'ml-dsa-44': generateKeyPairSync('ml-dsa-44') }
  const answer = (path: string, body: { data?: string }): object | undefined => {
    if (path === nameOf('rsa')) return { algorithm: 'RSA_SIGN_PSS_2048_SHA256' }
    const kind = signingKinds.find((one) => path.startsWith(`${ring}/${one}`))
    if (!kind) return undefined
    const { publicKey, privateKey }: { publicKey: KeyObject; privateKey: KeyObject } = pairs[kind]
    const [, call] = /\/cryptoKeyVersions\/1(.*)$/.exec(path) ?? []
    if (call === '') return { algorithm: algorithms[kind] }
    if (call === '/publicKey?publicKeyFormat=PEM' && kind === 'ed25519')
      return { pem: publicKey.export({ type: 'spki', format: 'pem' }) }
    if (call === '/publicKey?publicKeyFormat=NIST_PQC' && kind === 'ml-dsa-44')
      return { publicKey: { data: Buffer.from(bytesOfPublicKey(kind, publicKey)).toString('base64') } }
    if (call !== ':asymmetricSign' || body.data === undefined) return undefined
    const message = Buffer.from(body.data, 'base64')
    const signature = sign(null, path.includes('-broken') ? Buffer.from('another') : message, privateKey)
    return { signature: signature.toString('base64') }
  }
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const text = Buffer.concat(await request.toArray()).toString()
    const body = text === '' ? {} : (JSON.parse(text) as object)
    const found = request.headers.authorization === 'Bearer t' ? answer((request.url ?? '').slice(4), body) : undefined
    response.writeHead(found ? 200 : 404).end(JSON.stringify(found ?? { error: { message: '', status: 'NOT_FOUND' } }))
  }
  const server = createServer((request, response) => void serve(request, response))
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as AddressInfo
  const api = createGoogleApi({ origin: `http://127.0.0.1:${port}`, authorization: async () => 'Bearer t' })
  return { api, close: () => new Promise((closed) => server.close(closed)) }
}

let folder = ''
let kms: { api: GoogleApi; close: () => Promise<unknown> }
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'signers-'))
  kms = await startKms()
})
afterAll(async () => {
  await kms.close()
  await rm(folder, { recursive: true })
})

const keepers: Record<string, () => Promise<SigningKey[]>> = {
  'a file': () => openKeyFile(join(folder, 'deep', 'keys.json')),
  'Cloud KMS': () => Promise.all(signingKinds.map((kind) => openKmsKey(kms.api, nameOf(kind)))),
}
const keyOf = (keys: readonly SigningKey[], kind: SigningKind): SigningKey => {
  const key = keys.find((one) => one.kind === kind)
  if (!key) throw new Error(`there is no key of ${kind}`)
  return key
}

describe.each(Object.entries(keepers))('keys in %s', (_, open) => {
  it.each(signingKinds)('sign with %s what nobody else signs so', async (kind) => {
    const key = keyOf(await open(), kind)
    const message = Buffer.from('a message')
    const signature = await key.sign(message)
    expect(verifySignature(kind, key.publicKey, message, signature)).toBe(true)
    expect(verifySignature(kind, key.publicKey, Buffer.from('another'), signature)).toBe(false)
  })

  it('are the same when they are opened again', async () => {
    const publicKeys = async () => (await open()).map(({ publicKey }) => Buffer.from(publicKey).toString('hex'))
    expect(await publicKeys()).toEqual(await publicKeys())
  })

  it('sign a checkpoint together', async () => {
    const signers = signersOf('log.example', await open())
    const text = await signers.sign(emptyTree(sha256, '2026-01-01T00:00:00.000Z'), Date.UTC(2026, 0, 1))
    const { signedBy } = openCheckpoint(verifySignature, text, signers.keys)
    expect(signedBy.map(({ key, timeSeconds }) => [key.kind, timeSeconds])).toEqual([
      ['ed25519', null],
      ['ml-dsa-44', Date.UTC(2026, 0, 1) / 1000],
    ])
  })
})

describe('a key file', () => {
  it('is made once by many that ask at once, and readable by its owner only', async () => {
    const path = join(folder, 'contested', 'keys.json')
    const opened = await Promise.all(Array.from({ length: 8 }, () => openKeyFile(path)))
    const keys = opened.map(([key]) => Buffer.from(key?.publicKey ?? []).toString('hex'))
    expect(new Set(keys).size).toBe(1)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect(await readdir(join(folder, 'contested'))).toEqual(['keys.json'])
  })
})

describe('Cloud KMS', () => {
  it('with a key of another kind is refused', async () => {
    await expect(openKmsKey(kms.api, nameOf('rsa'))).rejects.toThrow('is of RSA_SIGN_PSS_2048_SHA256')
  })
  it('without the key says so', async () => {
    await expect(openKmsKey(kms.api, nameOf('none'))).rejects.toMatchObject({ code: 5 })
  })
  it('that signs wrongly is found out', async () => {
    const key = await openKmsKey(kms.api, `${ring}/ed25519-broken/cryptoKeyVersions/1`)
    await expect(key.sign(Buffer.from('a message'))).rejects.toThrow('gave a signature that is none')
  })
})
