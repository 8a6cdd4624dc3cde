// Of two rooms: what access records of people is disclosed, and erased, by the ledger.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { collections, Disclosures, DisclosuresErased, type LedgerEntry } from '@infinity-matrix/contracts'
import { inclusionProof, tilePath, tilesOfLevel, levelsOf } from '@infinity-matrix/core/merkle'
import type { Message } from '@google-cloud/pubsub'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import type { Accounts } from './src/access/members/accounts.ts'
import { serveMembers } from './src/access/members/routes.ts'
import { serveDisclosures } from './src/ledger/api/disclosures.ts'
import { createLogReader } from './src/ledger/reader.ts'
import { createLogStore } from './src/ledger/store.ts'
import { newSigners, readWholeLog, sealEverything } from './src/ledger/testing.ts'
import { context, type Context } from './src/runtime/context.ts'
import { commitmentOf } from './src/runtime/disclosures.ts'
import { createLeases } from './src/runtime/lease.ts'
import { sha256 } from './src/runtime/sha256.ts'
import { openApp, signedIn, startLocalEngines, type LocalEngines, type OpenedApp } from './src/runtime/testing.ts'

const canary = 'canary.7f3a@example.com'
const tenant = 'acme'
const signers = newSigners()
let engines: LocalEngines
let shared: Context
let app: OpenedApp
let folder = ''
const messages: Message[] = []

const accounts: Accounts = {
  uidOf: async (email) => (email === canary ? 'ada' : email === 'bob@example.com' ? 'bob' : undefined),
  exists: async () => true,
  ensure: async () => undefined,
  setClaims: async () => undefined,
  endSessions: async () => undefined,
  customToken: async (uid) => uid,
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'person-erasure-'))
  engines = await startLocalEngines('demo-person-erasure')
  vi.stubEnv('IMX_KEY_FILE', join(folder, 'keys.json'))
  shared = await context()
  const [topic] = await shared.pubsub.createTopic('ledger.appends')
  const [subscription] = await topic.createSubscription('overhears')
  subscription.on('message', (message: Message) => {
    messages.push(message)
    message.ack()
  })
  app = await openApp((routes, of) => {
    serveMembers(routes, of, async () => accounts)
    serveDisclosures(routes, of)
  })
})
afterAll(async () => {
  await Promise.all([shared.firestore.terminate(), shared.pubsub.close(), shared.batches.close()])
  await engines.close()
  await rm(folder, { recursive: true })
})

const admin = () => signedIn({ uid: 'root', roles: { [tenant]: 'admin' } })
const grant = async (email: string) => {
  const response = await app.request('/v1/members', {
    method: 'POST',
    headers: { ...admin(), 'content-type': 'application/json' },
    body: JSON.stringify({ tenant, role: 'editor', email }),
  })
  expect(response.status).toBe(200)
}
const disclosuresFor = (entry: string, headers: Record<string, string> = admin()) =>
  app.request(`/v1/ledger/disclosures?entry=${entry}`, { headers })
const erase = (person: string, headers: Record<string, string> = admin(), of = tenant) =>
  app.request(`/v1/ledger/disclosures?person=${person}&tenant=${of}`, { method: 'DELETE', headers })

const entriesNow = async (): Promise<LedgerEntry[]> => {
  await sealEverything(shared.firestore, signers)
  return (await readWholeLog(shared.firestore, signers)).texts.map((text) => JSON.parse(text) as LedgerEntry)
}
const entriesAbout = async (uid: string) =>
  (await entriesNow()).filter(({ subject, commitments }) => subject === `members/${uid}` && 'email' in commitments)

/** Every file of an export of the first entries, and every one of their inclusion proofs. */
const exportOf = async (size: number) => {
  const store = createLogStore(shared.firestore, createLeases(shared))
  const { tree } = await store.read()
  const reader = createLogReader(shared.firestore, store)
  const tiles = [...Array(levelsOf(size)).keys(), 'entries' as const].flatMap((level) => [...tilesOfLevel(level, size)])
  const files = await Promise.all(
    tiles.map(async (tile) => [
      tilePath(tile),
      Buffer.from((await reader.tileOf(tree, tile)) ?? []).toString('latin1'),
    ]),
  )
  const proofs = await Promise.all(
    Array.from({ length: size }, (_, index) => inclusionProof(sha256, reader.readFor(tree), index, size)),
  )
  return { files, proofs: proofs.map((proof) => proof.map((hash) => Buffer.from(hash).toString('hex'))) }
}

/** Every document there is, and every message, as text with what is base64 in it as it is. */
const everything = async (): Promise<string> => {
  const found: string[] = messages.map(({ data, attributes }) => `${data.toString()} ${JSON.stringify(attributes)}`)
  for (const collection of await shared.firestore.listCollections())
    for (const snapshot of (await collection.get()).docs)
      found.push(
        `${snapshot.ref.path} ${JSON.stringify(snapshot.data(), (_, value: unknown) =>
          typeof value === 'object' && value !== null && 'type' in value && value.type === 'Buffer' && 'data' in value
            ? Buffer.from(value.data as number[]).toString('latin1')
            : value,
        )}`,
      )
  return found.join('\n')
}

it('an address by which a role was given is disclosed to auditors, each time on record, until it is erased', async () => {
  await grant(canary)
  await grant('bob@example.com')
  const about = await entriesAbout('ada')
  expect(about.map(({ action }) => action).toSorted()).toEqual(['account-looked-up', 'role-granted'])
  expect(new Set(about.map(({ commitments }) => commitments['email'])).size).toBe(2)
  for (const { id, commitments } of about) {
    const { disclosures } = Disclosures.parse(await (await disclosuresFor(id)).json())
    expect(disclosures).toMatchObject([{ field: 'email', value: canary, person: 'ada' }])
    const salt = Buffer.from(disclosures[0]?.salt ?? '', 'base64url')
    expect(commitmentOf(salt, canary)).toBe(commitments['email'])
    const reads = (await entriesNow()).filter(({ subject }) => subject === `ledger/entries/${id}`)
    expect(reads).toMatchObject([{ kind: 'data-access', action: 'disclosures-read', actor: { id: 'root' }, tenant }])
  }
  const [{ id } = { id: '' }] = about
  const [bobs] = await entriesAbout('bob')
  expect((await disclosuresFor(id, signedIn({ roles: { [tenant]: 'editor' } }))).status).toBe(403)
  expect((await disclosuresFor(id, signedIn({ roles: { other: 'admin' } }))).status).toBe(404)
  const log = await readWholeLog(shared.firestore, signers)
  const before = await exportOf(log.size)

  const weak = signedIn({ roles: { [tenant]: 'admin' }, hasSecondFactor: false })
  expect((await erase('ada', weak)).status).toBe(403)
  expect((await erase('ada', signedIn({ roles: { other: 'admin' } }))).status).toBe(404)
  expect((await erase('ada', admin(), '*')).status).toBe(404)
  expect((await disclosuresFor(id)).status).toBe(200)
  expect(DisclosuresErased.parse(await (await erase('ada')).json())).toEqual({ erased: 2, isComplete: true })

  for (const one of about) expect((await disclosuresFor(one.id)).status).toBe(404)
  expect((await disclosuresFor(bobs?.id ?? '')).status).toBe(200)
  expect(await entriesNow()).toContainEqual(
    expect.objectContaining({ action: 'disclosures-erased', subject: 'members/ada', details: { erased: 2 } }),
  )
  // The log of before is in the log of now as it was, each byte of it and each proof.
  expect(await exportOf(log.size)).toEqual(before)
  expect((await readWholeLog(shared.firestore, signers)).texts.slice(0, log.size)).toEqual(log.texts)
  const left = await everything()
  expect(left).not.toContain('canary.7f3a')
  expect(left).not.toContain(Buffer.from(canary).toString('base64url').slice(0, 18))
  expect(left).toContain('members/ada')
  expect(
    (await shared.firestore.collection(collections.ledgerDisclosures).where('person', '==', 'ada').get()).size,
  ).toBe(0)
})
