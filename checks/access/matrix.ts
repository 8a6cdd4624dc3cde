// Tries everything that the policy has a row for, as everybody, in their own tenant and in others.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Firestore } from '@google-cloud/firestore'
import { startFirestoreEngine } from '@infinity-matrix/embedded/firestore'
import { startPubSubEngine } from '@infinity-matrix/embedded/pubsub'
import { sealerOf } from '../../functions/src/ledger/instance.ts'
import { context, type Context } from '../../functions/src/runtime/context.ts'
import { startAuthServer } from './auth-server.ts'
import { functionTrials } from './functions.ts'
import { intakeWrite } from '../../functions/src/runtime/ledger.ts'
import { collectionTrials } from './collections.ts'
import { otherTenant, ownTenant, places, projectId } from './people.ts'
import { entryOf } from './requests.ts'
import { routeTrials } from './routes.ts'
import type { Trial } from './trial.ts'

const pusher = 'pusher@demo.iam.gserviceaccount.com'
const onFreePort = { host: '127.0.0.1', port: 0 }
const ownRules = () => readFile(join(import.meta.dirname, '../../firestore.rules'), 'utf8')

/** Collections, in a Firestore with rules in force: all, under firestore.rules, unless others are given. */
export const tryCollections = async (rules?: string, names?: readonly string[]): Promise<Trial[]> => {
  const store = await startFirestoreEngine(onFreePort)
  const firestore = new Firestore({ projectId, host: `${store.host}:${store.port}`, ssl: false })
  try {
    const loaded = await fetch(`http://${store.host}:${store.port}/emulator/v1/projects/${projectId}:securityRules`, {
      method: 'PUT',
      body: JSON.stringify({ rules: { files: [{ content: rules ?? (await ownRules()) }] } }),
    })
    if (!loaded.ok) throw new Error(`the rules were not taken: ${await loaded.text()}`)
    return await collectionTrials(`${store.host}:${store.port}`, firestore, names)
  } finally {
    await firestore.terminate()
    await store.close()
  }
}

/** The sealer takes what is appended away: so before anybody asks, for what was refused is read there. */
const sealEntries = async (shared: Context): Promise<void> => {
  for (const tenant of [ownTenant, otherTenant]) {
    const happening = { kind: 'change', action: 'tried', tenant, subject: 'matrix', outcome: 'done' } as const
    const { path, fields } = intakeWrite({ ...shared, newId: () => entryOf(tenant) }, [happening])
    await shared.firestore.doc(path).create(fields)
  }
  await sealerOf(shared).wake(shared.nowMs() + 1000)
}

/** Functions, and their routes, on engines. They find their places in the environment, once in a process. */
export const tryFunctions = async (): Promise<Trial[]> => {
  const [store, broker, auth] = await Promise.all([
    startFirestoreEngine(onFreePort),
    startPubSubEngine(onFreePort),
    startAuthServer(),
  ])
  const keys = await mkdtemp(join(tmpdir(), 'access-matrix-'))
  const settings = {
    GCLOUD_PROJECT: projectId,
    FIRESTORE_EMULATOR_HOST: `${store.host}:${store.port}`,
    PUBSUB_EMULATOR_HOST: `${broker.host}:${broker.port}`,
    FIREBASE_AUTH_EMULATOR_HOST: auth.host,
    METADATA_SERVER_DETECTION: 'none',
    GOVERNED_WRITES_PER_SECOND: '0',
    // So that private functions ask who calls them, as they do in production.
    DELIVER_SERVICE_ACCOUNT: pusher,
    QUOTA_PRINCIPAL_PER_MINUTE: '0',
    QUOTA_TENANT_PER_MINUTE: '0',
    QUOTA_ADDRESS_PER_MINUTE: '0',
    SIGN_IN_ORIGINS: 'https://console.example.com',
    WALLET_CHAIN_IDS: '1',
    LEDGER_ORIGIN: 'log.example/matrix',
    IMX_LEDGER_KEY_FILE: join(keys, 'ledger.json'),
    IMX_KEY_FILE: join(keys, 'keys.json'),
  }
  Object.assign(process.env, settings)
  const shared = await context()
  try {
    const functions = await functionTrials(shared.firestore, pusher)
    await sealEntries(shared)
    return [...functions, ...(await routeTrials(shared))]
  } finally {
    await Promise.all([shared.firestore.terminate(), shared.pubsub.close(), shared.batches.close()])
    await Promise.all([store.close(), broker.close(), auth.close(), rm(keys, { recursive: true })])
    // Nothing is there any more, for whoever makes a client after this.
    for (const name of Object.keys(settings)) delete process.env[name]
  }
}

/** What did not come out as the policy means it. */
export const faultsIn = (trials: readonly Trial[]): string[] =>
  trials
    .filter(({ isMeant, outcome }) => outcome !== (isMeant ? 'allowed' : 'denied'))
    .map(({ what, who, isMeant, outcome }) => {
      const meant = isMeant ? 'allowed' : 'denied'
      return `${what}: ${who.name} (${who.where}) is ${outcome}, and is meant to be ${meant}`
    })

/** What is allowed to whom, a line for each, as people review it. */
export const agreementOf = (trials: readonly Trial[]): string =>
  [...Map.groupBy(trials, ({ what }) => what)]
    .map(([what, tried]) => {
      const allowed = tried.filter(({ outcome }) => outcome === 'allowed').map(({ who }) => who)
      const byPlace = places.map((where) => {
        const names = allowed.filter((who) => who.where === where).map(({ name }) => name)
        return names.length === 0 ? [] : [`${where}: ${names.join(', ')}`]
      })
      return `${what}\n  ${byPlace.flat().join('\n  ') || 'nobody'}\n`
    })
    .join('')
