// Sealers in processes of their own, of which the one that has the lease is killed by the kernel while others append.
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Firestore } from '@google-cloud/firestore'
import { collections, Lease } from '@infinity-matrix/contracts'
import { waitFor } from '@infinity-matrix/testing'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'
import { createLeases } from '../runtime/lease.ts'
import { startLocalEngines, type LocalEngines } from '../runtime/testing.ts'
import { sealDuty } from './sealer.ts'
import { signersOf } from './signers/index.ts'
import { openKeyFile } from './signers/key-file.ts'
import { createLogStore } from './store.ts'
import { append, entryText, readWholeLog, testOrigin } from './testing.ts'

// A few times always, hundreds on request (IMX_KILLS=200 IMX_SEED=7).
const kills = Number(process.env['IMX_KILLS'] ?? 6)
const seed = Number(process.env['IMX_SEED'] ?? 1)
const appenders = 3
const killAfterMsMax = 1500

let engines: LocalEngines
let firestore: Firestore
let folder = ''
/** How far everybody's clock is ahead: leases, and locks of transactions whose client is gone, end by it. */
let aheadMs = 0
const sealers = new Map<string, ChildProcess>()

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'killed-sealers-'))
  engines = await startLocalEngines('demo-kill', { clock: () => Date.now() + aheadMs })
  vi.stubEnv('IMX_LEDGER_KEY_FILE', join(folder, 'keys.json'))
  vi.stubEnv('LEDGER_ORIGIN', testOrigin)
  firestore = new Firestore({ projectId: 'demo-kill' })
})
afterEach(async () => {
  await Promise.all([...sealers.keys()].map(kill))
})
afterAll(async () => {
  await firestore.terminate()
  await engines.close()
  await rm(folder, { recursive: true })
})

const start = async (holder: string): Promise<void> => {
  const child = fork(join(import.meta.dirname, '../../test/killed-sealer.ts'), [holder, String(aheadMs)], {
    stdio: 'inherit',
  })
  sealers.set(holder, child)
  await once(child, 'message')
}

const kill = async (holder: string): Promise<void> => {
  const child = sealers.get(holder)
  if (!child) return
  sealers.delete(holder)
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

/** Which of the living has the lease, and is at work. */
const holderNow = async (): Promise<string | undefined> => {
  const snapshot = await firestore.collection(collections.leases).doc(sealDuty).get()
  if (!snapshot.exists) return undefined
  const { holder, expiresAt } = Lease.parse(snapshot.data())
  return sealers.has(holder) && Date.parse(expiresAt) > Date.now() + aheadMs ? holder : undefined
}

/** What it had locked is free after a minute, and its lease has expired by then. */
const letTimePass = () => {
  aheadMs += 61_000
  for (const child of sealers.values()) child.send(aheadMs)
}

const stateNow = () => createLogStore(firestore, createLeases({ firestore, nowMs: Date.now })).read()

it(
  `${kills} sealers killed at work lose and double nothing of what others append`,
  async () => {
    const ids: string[] = []
    let isAppending = true
    const appendOn = async () => {
      for (let count = 1; isAppending; count++) {
        const documents = Array.from({ length: 1 + (count % 7) }, () => [entryText(), entryText()])
        ids.push(...(await append(firestore, documents)))
      }
    }
    await Promise.all([start('sealer-0'), start('sealer-1')])
    const appending = Array.from({ length: appenders }, appendOn)

    const moments = fc.sample(fc.integer({ min: 0, max: killAfterMsMax }), { seed, numRuns: kills })
    const sizes: number[] = []
    for (const [killed, moment] of moments.entries()) {
      const before = (await stateNow()).tree.size
      // Each gets somewhere before it is killed: so the one before it was taken over from.
      const holder = await waitFor(
        'a sealer at work',
        async () => ((await stateNow()).tree.size > before ? holderNow() : undefined),
        { deadlineSeconds: 60 },
      )
      await delay(moment)
      await kill(holder)
      sizes.push((await stateNow()).tree.size)
      letTimePass()
      await start(`sealer-${killed + 2}`)
    }
    isAppending = false
    await Promise.all(appending)
    await waitFor(
      'everything to be sealed',
      async () => {
        const [{ tree, checkpoint }, waiting] = await Promise.all([
          stateNow(),
          firestore.collection(collections.ledgerIntake).count().get(),
        ])
        return waiting.data().count === 0 && checkpoint?.size === tree.size ? true : undefined
      },
      { deadlineSeconds: 60 },
    )
    await Promise.all([...sealers.keys()].map(kill))

    const signers = signersOf(testOrigin, await openKeyFile(join(folder, 'keys.json')))
    const log = await readWholeLog(firestore, signers)
    expect(log.ids.toSorted()).toEqual(ids.toSorted())
    expect(log.signedSize).toBe(log.size)
    // Every one of them died in the middle of the log, which went on after it.
    expect(sizes).toEqual(sizes.toSorted((a, b) => a - b))
    expect(sizes.at(-1)).toBeLessThan(log.size)
    console.log(JSON.stringify({ kills, seed, entries: log.size, sizes }))
  },
  120_000 + kills * 10_000,
)
