import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { collections } from '@infinity-matrix/contracts'
import { testNowMs } from '@infinity-matrix/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { context, type Context } from './context.ts'
import { createGoogleApi } from './google-api.ts'
import { createLocalSecrets, createSecretManager, type SecretStore } from './secret-stores.ts'
import { createSecrets } from './secrets.ts'
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
  const labels = new Map<string, Record<string, string>>()
  const respond = async (request: IncomingMessage, response: ServerResponse) => {
    const answer = (status: number, body: object) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    const refuse = (status: number, name: string) =>
      answer(status, { error: { code: status, message: name, status: name } })
    const sent = await text(request)
    const body = (sent === '' ? {} : JSON.parse(sent)) as {
      payload?: { data: string }
      labels?: Record<string, string>
    }
    const url = new URL(request.url ?? '', 'http://localhost')
    const [, name, rest = ''] = /^\/v1\/(projects\/p\/secrets(?:\/[\w-]+)?)(.*)$/.exec(url.pathname) ?? []
    const versions = name === undefined ? undefined : secrets.get(name)
    const version = versions?.find((one) => rest.startsWith(`/versions/${one.name.split('/').at(-1)}:`))
    if (request.headers.authorization !== 'Bearer token') return refuse(401, 'UNAUTHENTICATED')
    if (name === 'projects/p/secrets' && request.method === 'GET') {
      // A page of two, so that there are several.
      const from = Number(url.searchParams.get('pageToken') ?? '')
      const page = [...secrets.keys()].slice(from, from + 2).map((one) => ({ name: one, labels: labels.get(one) }))
      return answer(200, { secrets: page, ...(from + 2 < secrets.size && { nextPageToken: String(from + 2) }) })
    }
    if (name === 'projects/p/secrets') {
      const made = `${name}/${url.searchParams.get('secretId')}`
      if (secrets.has(made)) return refuse(409, 'ALREADY_EXISTS')
      secrets.set(made, [])
      labels.set(made, body.labels ?? {})
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
const file = () => join(folder, 'sub', 'secrets.json')
const api = () => createGoogleApi({ origin, authorization: async () => 'Bearer token' })
/** Each with how somebody else adds a secret to it. */
const stores: [string, () => SecretStore, (name: string) => Promise<unknown>][] = [
  [
    'a file',
    () => createLocalSecrets(file(), nowMs),
    async (name) => {
      const all = JSON.parse(await readFile(file(), 'utf8')) as object
      const version = { version: '1', createdAt: new Date(nowMs()).toISOString(), value: 'AAAA', isEnabled: true }
      await writeFile(file(), JSON.stringify({ ...all, [name]: { isOurs: false, versions: [version] } }))
    },
  ],
  [
    'Secret Manager',
    () => createSecretManager('p', api()),
    async (name) => {
      await api()('POST', `projects/p/secrets?secretId=${name}`, z.unknown(), { replication: { automatic: {} } })
      await api()('POST', `projects/p/secrets/${name}:addVersion`, z.unknown(), { payload: { data: 'AAAA' } })
    },
  ],
]

const Told = z.object({ action: z.string(), subject: z.string(), reason: z.string().nullable() })
const entries = async () => {
  const { docs } = await shared.firestore.collection(collections.ledgerIntake).get()
  return docs.flatMap((intake) => intake.get('entries') as string[]).map((entry) => Told.parse(JSON.parse(entry)))
}
const toldOf = async (name: string) =>
  (await entries()).filter(({ subject }) => `${subject}/`.startsWith(`secrets/${name}/`))
const criticalErrors = async (name: string) =>
  (await toldOf(name)).flatMap(({ action, subject, reason }) =>
    action === 'critical-error-told' ? [{ subject, reason }] : [],
  )

describe.each(stores)('%s', (_name, open, issue) => {
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

  it('is made where it is not there, by one, and is rotated every 90 days with overlap; all of it is in the ledger', async () => {
    const name = newName()
    const { own, accepted, rotateAll } = createSecrets(shared, open)
    const versions = async () => (await accepted(name)).map(({ version }) => version)
    const [first] = await own(name)
    expect(first?.value.length).toBe(32)
    expect(await own(name)).toEqual([first])
    atMs += 89 * dayMs
    await rotateAll()
    expect(await versions()).toEqual(['1'])
    atMs += dayMs
    await rotateAll()
    expect(await versions()).toEqual(['2', '1'])
    expect((await accepted(name)).at(-1)).toEqual(first)
    atMs += 90 * dayMs
    await rotateAll()
    expect(await versions()).toEqual(['3', '2'])
    const told = await toldOf(name)
    const times = (action: string) => told.filter((one) => one.action === action).length
    expect([times('secret-rotation-begun'), times('secret-added'), times('secret-retired')]).toEqual([3, 3, 1])
    expect(times('secret-read')).toBeGreaterThanOrEqual(5)
    expect(JSON.stringify(told)).not.toContain(Buffer.from(first?.value ?? []).toString('base64'))
  })

  it.each(['add', 'disable'] as const)('is rotated to its end after a worker died at %s', async (at) => {
    const name = newName()
    await createSecrets(shared, open).own(name)
    if (at === 'disable') {
      atMs += 90 * dayMs
      await createSecrets(shared, open).rotateAll()
    }
    atMs += 90 * dayMs
    const store = open()
    // What it asks for is done, and it does not live to hear of it.
    const dying: SecretStore = {
      ...store,
      list: async () => [{ name, isOurs: true }],
      add: async (...of) =>
        at === 'add' ? store.add(...of).then(() => Promise.reject(new Error('killed'))) : store.add(...of),
      disable: async (...of) => store.disable(...of).then(() => Promise.reject(new Error('killed'))),
    }
    await expect(createSecrets(shared, () => dying).rotateAll()).rejects.toThrow('killed')
    const after = createSecrets(shared, open)
    await after.rotateAll()
    const versions = (await after.accepted(name)).map(({ version }) => version)
    expect(versions).toEqual(at === 'add' ? ['2', '1'] : ['3', '2'])
    expect((await open().versions(name)).map(({ version }) => version)).toEqual(versions)
    const told = (await toldOf(name)).map(({ action }) => action)
    expect(told).toContain('secret-rotation-begun')
    if (at === 'disable') expect(told).toContain('secret-retired')
  })

  it('is not rotated by two at once', async () => {
    const name = newName()
    await createSecrets(shared, open).own(name)
    atMs += 90 * dayMs
    await Promise.all([1, 2, 3].map(() => createSecrets(shared, open).rotateAll()))
    expect((await open().versions(name)).map(({ version }) => version)).toEqual(['2', '1'])
  })

  it('that others issue is not touched, and is told of when it is 90 days old', async () => {
    const name = newName()
    await issue(name)
    const { rotateAll } = createSecrets(shared, open)
    atMs += 89 * dayMs
    await rotateAll()
    expect(await criticalErrors(name)).toEqual([])
    atMs += dayMs
    await rotateAll()
    expect(await criticalErrors(name)).toEqual([{ subject: `secrets/${name}`, reason: 'secret-overdue' }])
    expect((await open().versions(name)).map(({ version }) => version)).toEqual(['1'])
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
