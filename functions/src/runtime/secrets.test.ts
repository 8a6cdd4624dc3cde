import { mkdtemp, rm, stat } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { collections } from '@infinity-matrix/contracts'
import { testNowMs } from '@infinity-matrix/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { context, type Context } from './context.ts'
import { createGoogleApi } from './google-api.ts'
import { createLocalSecrets, createSecretManager, createSecrets, type SecretStore } from './secrets.ts'
import { startLocalEngines, type LocalEngines } from './testing.ts'

const dayMs = 86_400_000
let engines: LocalEngines
let shared: Context
let server: Server
let folder = ''
let origin = ''
let atMs = testNowMs
const nowMs = () => atMs

/** Secret Manager as its REST API shows it. */
const serveSecretManager = () => {
  const secrets = new Map<string, { name: string; createTime: string; data: string; state: string }[]>()
  const respond = async (request: IncomingMessage, response: ServerResponse) => {
    const answer = (status: number, body: object) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    const refuse = (status: number, name: string) =>
      answer(status, { error: { code: status, message: name, status: name } })
    const sent = await text(request)
    const body = (sent === '' ? {} : JSON.parse(sent)) as { payload?: { data: string } }
    const url = new URL(request.url ?? '', 'http://localhost')
    const [, name, rest = ''] = /^\/v1\/(projects\/p\/secrets(?:\/[\w-]+)?)(.*)$/.exec(url.pathname) ?? []
    const versions = name === undefined ? undefined : secrets.get(name)
    const version = versions?.find((one) => rest.startsWith(`/versions/${one.name.split('/').at(-1)}:`))
    if (request.headers.authorization !== 'Bearer token') return refuse(401, 'UNAUTHENTICATED')
    if (name === 'projects/p/secrets') {
      const made = `${name}/${url.searchParams.get('secretId')}`
      if (secrets.has(made)) return refuse(409, 'ALREADY_EXISTS')
      secrets.set(made, [])
      return answer(200, { name: made })
    }
    if (!versions) return refuse(404, 'NOT_FOUND')
    if (rest === ':addVersion') {
      const added = {
        name: `${name}/versions/${versions.length + 1}`,
        createTime: new Date(nowMs()).toISOString(),
        data: body.payload?.data ?? '',
        state: 'ENABLED',
      }
      versions.push(added)
      return answer(200, added)
    }
    if (rest === '/versions')
      return answer(200, { versions: versions.filter(({ state }) => state === 'ENABLED').toReversed() })
    if (version?.state !== 'ENABLED') return refuse(version ? 400 : 404, version ? 'FAILED_PRECONDITION' : 'NOT_FOUND')
    if (rest.endsWith(':access')) return answer(200, { name: version.name, payload: { data: version.data } })
    version.state = 'DISABLED'
    return answer(200, version)
  }
  return createServer((request, response) => void respond(request, response))
}

beforeAll(async () => {
  engines = await startLocalEngines('demo-secrets')
  shared = { ...(await context()), nowMs }
  folder = await mkdtemp(join(tmpdir(), 'secrets-'))
  server = serveSecretManager()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(async () => {
  await Promise.all([shared.firestore.terminate(), shared.pubsub.close(), shared.batches.close()])
  await engines.close()
  await new Promise((resolve) => server.close(resolve))
  await rm(folder, { recursive: true })
})

let count = 0
const newName = () => `secret-${++count}`
const bytes = (value: string) => Buffer.from(value)
const stores: [string, () => SecretStore][] = [
  ['a file', () => createLocalSecrets(join(folder, 'sub', 'secrets.json'), nowMs)],
  [
    'Secret Manager',
    () => createSecretManager('p', createGoogleApi({ origin, authorization: async () => 'Bearer token' })),
  ],
]

describe.each(stores)('%s', (_name, open) => {
  it('has versions, the newest first, and says what each is', async () => {
    const name = newName()
    expect(await open().versions(name)).toEqual([])
    const first = await open().add(name, bytes('one'))
    const second = await open().add(name, bytes('two'))
    expect(await open().versions(name)).toEqual([second, first])
    expect(Buffer.from(await open().read(name, first.version)).toString()).toBe('one')
    expect(Buffer.from(await open().read(name, second.version)).toString()).toBe('two')
    expect(first.createdAt).toBe(new Date(nowMs()).toISOString())
  })

  it('does not say what a version was that is disabled, or is not there', async () => {
    const name = newName()
    const { version } = await open().add(name, bytes('one'))
    await open().disable(name, version)
    expect(await open().versions(name)).toEqual([])
    await expect(open().read(name, version)).rejects.toThrow()
    await expect(open().read(name, '7')).rejects.toMatchObject({ code: 5 })
  })

  it('is rotated every 90 days; the old version is accepted until the next time, and each read is in the ledger', async () => {
    const name = newName()
    const { accepted, rotate } = createSecrets(shared, open)
    let made = 0
    const make = () => bytes(`value ${++made}`)
    const values = async () => (await accepted(name)).map(({ value }) => Buffer.from(value).toString())
    expect(await rotate(name, make)).toBe(true)
    expect(await values()).toEqual(['value 1'])
    atMs += 89 * dayMs
    expect(await rotate(name, make)).toBe(false)
    atMs += dayMs
    expect(await rotate(name, make)).toBe(true)
    expect(await values()).toEqual(['value 2', 'value 1'])
    atMs += 90 * dayMs
    await rotate(name, make)
    expect(await values()).toEqual(['value 3', 'value 2'])
    const { docs } = await shared.firestore.collection(collections.ledgerIntake).get()
    const told = docs
      .flatMap((intake) => intake.get('entries') as string[])
      .map((entry) => JSON.parse(entry) as { subject: string; action: string; kind: string })
      .filter(({ subject }) => subject.startsWith(`secrets/${name}/`))
    const times = (action: string) => told.filter((one) => one.action === action).length
    expect([times('secret-added'), times('secret-read'), times('secret-disabled')]).toEqual([3, 5, 1])
    expect(JSON.stringify(told)).not.toContain('value')
  })
})

describe('a secret', () => {
  it('is read from its store once in five minutes', async () => {
    const name = newName()
    const store = createLocalSecrets(join(folder, 'cached.json'), nowMs)
    let reads = 0
    const counted = { ...store, read: (...of: Parameters<typeof store.read>) => (reads++, store.read(...of)) }
    const { accepted } = createSecrets(shared, () => counted)
    await store.add(name, bytes('one'))
    for (let ask = 0; ask < 10; ask++) await accepted(name)
    expect(reads).toBe(1)
    atMs += 301_000
    await accepted(name)
    expect(reads).toBe(2)
    expect((await stat(join(folder, 'cached.json'))).mode & 0o777).toBe(0o600)
  })
})
