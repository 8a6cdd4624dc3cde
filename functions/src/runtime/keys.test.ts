import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decrypt, encrypt } from './aead.ts'
import { createGoogleApi } from './google-api.ts'
import { createKmsKeeper, createLocalKeeper, type KeyKeeper } from './keys.ts'

const keyName = 'projects/p/locations/l/keyRings/r/cryptoKeys/k'
const kms = { requests: [] as { path: string; authorization: string | undefined }[], status: 200 }
let folder = ''
let server: Server
let origin = ''

/** Cloud KMS as its REST API shows it: encrypts with a key of its own, and answers errors as Google does. */
const serveKms = () => {
  const key = randomBytes(32)
  const respond = async (request: IncomingMessage, response: ServerResponse) => {
    kms.requests.push({ path: request.url ?? '', authorization: request.headers.authorization })
    const answer = (status: number, body: object) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    const refuse = (status: number, name: string, message: string) =>
      answer(status, { error: { code: status, message, status: name } })
    const body = (await json(request)) as Record<string, string>
    const bytes = (field: string) => Buffer.from(body[field] ?? '', 'base64')
    const bound = bytes('additionalAuthenticatedData').toString()
    if (kms.status === 503) refuse(503, 'UNAVAILABLE', `away ${body['plaintext']}`)
    else if (request.url === `/v1/${keyName}:encrypt`)
      answer(200, {
        name: `${keyName}/cryptoKeyVersions/1`,
        ciphertext: encrypt(key, bytes('plaintext'), bound).toString('base64'),
      })
    else if (request.url === `/v1/${keyName}:decrypt`)
      try {
        answer(200, { plaintext: decrypt(key, bytes('ciphertext'), bound).toString('base64') })
      } catch {
        refuse(400, 'INVALID_ARGUMENT', 'Decryption failed: the ciphertext is invalid.')
      }
    else refuse(404, 'NOT_FOUND', 'CryptoKey not found.')
  }
  return createServer((request, response) => void respond(request, response))
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keys-'))
  server = serveKms()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve))
  await rm(folder, { recursive: true })
})

const apiAt = (at: string) => createGoogleApi({ origin: at, authorization: async () => 'Bearer token' })
const keepers: [string, () => KeyKeeper][] = [
  ['a key file', () => createLocalKeeper(join(folder, 'sub', 'keys.json'))],
  ['Cloud KMS', () => createKmsKeeper(keyName, apiAt(origin))],
]

describe.each(keepers)('%s', (_name, open) => {
  it('gives back the key that it wrapped, also to another instance', async () => {
    const key = randomBytes(32)
    const { wrapped, wrappedBy } = await open().wrap(key, 'tenant a')
    expect(Buffer.from(await open().unwrap(wrapped, 'tenant a')).equals(key)).toBe(true)
    expect(Buffer.from(wrapped, 'base64url').includes(key)).toBe(false)
    expect(wrappedBy).not.toBe('')
  })

  it('unwraps it for nothing else, and not when it was changed', async () => {
    const { wrapped } = await open().wrap(randomBytes(32), 'tenant a')
    const changed = `${wrapped.slice(0, -4)}${wrapped.endsWith('AAAA') ? 'BBBB' : 'AAAA'}`
    await expect(open().unwrap(wrapped, 'tenant b')).rejects.toMatchObject({ code: 'not-authentic' })
    await expect(open().unwrap(changed, 'tenant a')).rejects.toMatchObject({ code: 'not-authentic' })
  })

  it('wraps the same key differently each time', async () => {
    const key = randomBytes(32)
    expect((await open().wrap(key, 'a')).wrapped).not.toBe((await open().wrap(key, 'a')).wrapped)
  })
})

describe('a key file', () => {
  it('is readable by its owner only, and keeps its keys when it is opened at once by many', async () => {
    const path = join(folder, 'many.json')
    const wrapped = await Promise.all(
      Array.from({ length: 8 }, () => createLocalKeeper(path).wrap(randomBytes(32), 'a')),
    )
    for (const { wrapped: one } of wrapped) await createLocalKeeper(path).unwrap(one, 'a')
    expect((await stat(path)).mode & 0o777).toBe(0o600)
  })

  it('may have a new key, and what the old one wrapped is unwrapped all the same', async () => {
    const path = join(folder, 'rotated.json')
    const { wrapped } = await createLocalKeeper(path).wrap(Buffer.from('a key'), 'a')
    const { keys } = JSON.parse(await readFile(path, 'utf8')) as { keys: Record<string, string> }
    await writeFile(path, JSON.stringify({ current: 'k2', keys: { ...keys, k2: randomBytes(32).toString('base64') } }))
    expect((await createLocalKeeper(path).wrap(Buffer.from('b'), 'a')).wrappedBy).toBe('local/k2')
    expect(Buffer.from(await createLocalKeeper(path).unwrap(wrapped, 'a')).toString()).toBe('a key')
  })
})

describe('Cloud KMS', () => {
  it('is called with the identity of the function', async () => {
    await createKmsKeeper(keyName, apiAt(origin)).wrap(Buffer.from('a'), 'a')
    expect(kms.requests.at(-1)).toEqual({ path: `/v1/${keyName}:encrypt`, authorization: 'Bearer token' })
  })

  it('that is away, or not there, is told apart, and neither error says what was sent', async () => {
    const keeper = createKmsKeeper(keyName, apiAt(origin))
    kms.status = 503
    await expect(keeper.wrap(Buffer.from('a'), 'a')).rejects.toMatchObject({
      code: 14,
      message: `${origin} answered 503 UNAVAILABLE`,
    })
    kms.status = 200
    await expect(createKmsKeeper('other', apiAt(origin)).wrap(Buffer.from('a'), 'a')).rejects.toMatchObject({ code: 5 })
    await expect(
      createKmsKeeper(keyName, apiAt('http://127.0.0.1:1')).wrap(Buffer.from('a'), 'a'),
    ).rejects.toMatchObject({ code: 14 })
  })
})
