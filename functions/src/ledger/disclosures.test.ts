import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { collections } from '@infinity-matrix/contracts'
import { inclusionFault, inclusionProof, leafHash } from '@infinity-matrix/core/merkle'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { context, type Context } from '../runtime/context.ts'
import { commitmentOf, disclose, disclosuresOf, eraseDisclosures } from '../runtime/disclosures.ts'
import { createLeases } from '../runtime/lease.ts'
import { controlPlaneActor, recordIn } from '../runtime/ledger.ts'
import { sha256 } from '../runtime/sha256.ts'
import { startLocalEngines, type LocalEngines } from '../runtime/testing.ts'
import { createLogReader } from './reader.ts'
import { createSearch } from './search.ts'
import { createLogStore } from './store.ts'
import { newSigners, readWholeLog, sealEverything } from './testing.ts'

let engines: LocalEngines
let shared: Context
let folder = ''
const signers = newSigners()

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'disclosures-'))
  engines = await startLocalEngines('demo-disclosures')
  vi.stubEnv('IMX_KEY_FILE', join(folder, 'keys.json'))
  shared = await context()
})
afterAll(async () => {
  await Promise.all([shared.firestore.terminate(), shared.pubsub.close(), shared.batches.close()])
  await engines.close()
  await rm(folder, { recursive: true })
})

/** Records a change of an account's e-mail address. @returns the id of the entry */
const changeEmail = async (person: string, email: string): Promise<string> => {
  const disclosed = await disclose(shared, { tenant: 'acme', person }, { email })
  await shared.firestore.runTransaction(async (transaction) => {
    recordIn(shared, transaction, [
      {
        kind: 'change',
        action: 'email-changed',
        actor: controlPlaneActor('test'),
        tenant: 'acme',
        subject: `members/${person}`,
        outcome: 'done',
        ...disclosed.fields,
      },
    ])
    disclosed.write(transaction)
  })
  await sealEverything(shared.firestore, signers)
  return disclosed.fields.id
}

/** What is wrong with the inclusion of an entry in the log as it is. */
const faultOfInclusion = async (id: string) => {
  const store = createLogStore(shared.firestore, createLeases(shared))
  const { tree } = await store.read()
  const found = await createSearch(shared.firestore).find(id)
  if (!found) throw new Error('the entry is not in the log')
  const proof = await inclusionProof(
    sha256,
    createLogReader(shared.firestore, store).readFor(tree),
    found.index,
    tree.size,
  )
  const hash = leafHash(sha256, found.bytes)
  return inclusionFault(sha256, { index: found.index, hash, size: tree.size, root: tree.root, proof })
}

it('what is of a person is a commitment in the log, can be disclosed, and once erased leaves every proof as it was', async () => {
  const [ann, bob] = [await changeEmail('ann', 'ann@example.com'), await changeEmail('bob', 'bob@example.com')]
  const log = await readWholeLog(shared.firestore, signers)
  expect(log.texts.join()).not.toContain('example.com')
  const [disclosure] = (await (await disclosuresOf(shared, ann))?.open()) ?? []
  if (!disclosure) throw new Error('nothing is disclosed')
  expect(disclosure).toMatchObject({ field: 'email', value: 'ann@example.com', person: 'ann' })
  const entry = (await createSearch(shared.firestore).find(ann))?.entry
  const committed = commitmentOf(Buffer.from(disclosure.salt, 'base64url'), disclosure.value)
  expect(entry?.commitments).toEqual({ email: committed })
  expect(commitmentOf(Buffer.from(disclosure.salt, 'base64url'), 'bob@example.com')).not.toBe(committed)
  const { docs } = await shared.firestore.collection(collections.ledgerDisclosures).get()
  expect(JSON.stringify(docs.map((one) => one.data()))).not.toContain('example.com')

  // In another tenant nothing is disclosed of her.
  expect(await eraseDisclosures(shared, { person: 'ann', tenant: 'other' }, Infinity)).toMatchObject({ erased: 0 })
  expect(await eraseDisclosures(shared, { person: 'ann', tenant: undefined }, Infinity)).toEqual({
    erased: 1,
    isComplete: true,
  })
  expect(await disclosuresOf(shared, ann)).toBeUndefined()
  expect(await (await disclosuresOf(shared, bob))?.open()).toHaveLength(1)
  expect(await faultOfInclusion(ann)).toBeUndefined()
  expect(await readWholeLog(shared.firestore, signers)).toEqual(log)
})

it('an erasure of many goes on where it was stopped, and says in the ledger how many there were', async () => {
  const many = 450
  const batches = Array.from({ length: many / 150 }, () => shared.firestore.batch())
  for (let count = 0; count < many; count++) {
    const disclosed = await disclose(shared, { tenant: 'acme', person: 'many' }, { email: `${count}@example.com` })
    disclosed.write(batches[count % batches.length] as (typeof batches)[number])
  }
  await Promise.all(batches.map((batch) => batch.commit()))
  const ofMany = { person: 'many', tenant: 'acme' }
  // Out of time after its first page.
  const stopped = await eraseDisclosures(shared, ofMany, 0)
  expect(stopped).toEqual({ erased: 200, isComplete: false })
  expect(await eraseDisclosures(shared, ofMany, Infinity)).toEqual({ erased: many - 200, isComplete: true })
  await sealEverything(shared.firestore, signers)
  const { entries } = await createSearch(shared.firestore).page({ subject: 'members/many' }, 10, undefined)
  const counts = entries.map(({ entry }) => Number(entry.details['erased']))
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(many)
})
