// A sealer that dies, or stops for a while, at every request that it makes of Firestore, and every signature: before it is
// done, and after it is done without an answer.
import { Firestore } from '@google-cloud/firestore'
import { collections } from '@infinity-matrix/contracts'
import { openCheckpoint } from '@infinity-matrix/core/ledger'
import { areEqual, joined, leafHash, rootOf } from '@infinity-matrix/core/merkle'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createLeases } from '../runtime/lease.ts'
import { sha256 } from '../runtime/sha256.ts'
import { startLocalEngines, type LocalEngines } from '../runtime/testing.ts'
import { createIntake } from './intake.ts'
import { createSealer } from './sealer.ts'
import { verifySignature } from './signers/signing-key.ts'
import { createLogStore } from './store.ts'
import { append, entryText, newSigners, readWholeLog } from './testing.ts'

let engines: LocalEngines
let databases = 0
// One time for all: Firestore's transactions expire by it, too.
let atMs = Date.parse('2026-01-01T00:00:00.000Z')
const nowMs = () => atMs
const signers = newSigners()
beforeAll(async () => {
  engines = await startLocalEngines('demo-crash', { clock: () => atMs })
})
afterAll(() => engines.close())

type Call = <T>(work: () => Promise<T>) => Promise<T>

/** A client of Firestore, each of whose requests goes through `call`. */
const clientThrough = (projectId: string, call: Call): Firestore => {
  const client = new Firestore({ projectId })
  for (const name of ['request', 'requestStream']) {
    const send = (Reflect.get(client, name) as (...args: unknown[]) => Promise<unknown>).bind(client)
    Reflect.set(client, name, (...args: unknown[]) => call(() => send(...args)))
  }
  return client
}

/** A database with a clock, and sealers on it, whose requests and signatures all go through one function. */
const createScene = () => {
  const projectId = `demo-crash-${databases++}`
  const firestore = new Firestore({ projectId })
  const published: string[] = []
  const clients = [firestore]
  const wake = (holder: string, act: Call = (work) => work()) => {
    // Time goes on, so that leases are renewed, and run out.
    const call: Call = (work) => {
      atMs += callMs
      return act(work)
    }
    const client = clientThrough(projectId, call)
    clients.push(client)
    const leases = createLeases({ firestore: client, nowMs })
    const store = createLogStore(client, leases)
    const sealer = createSealer({
      intake: createIntake(client, { refuse: () => Promise.reject(new Error('no entry')), documentsMax: 15 }),
      store: {
        ...store,
        saveCheckpoint: async (...args) => {
          await store.saveCheckpoint(...args)
          published.push(args[1].text)
        },
      },
      leases,
      sign: (tree) => call(() => signers.sign(tree, atMs)),
      holder,
      somewhere: () => '40',
      nowMs,
      sleep: async (ms) => {
        atMs += ms
      },
    })
    return sealer.wake(atMs + 600_000, { isPatient: true })
  }
  /** Documents of ten entries, so that a bundle is joined of several commits. */
  const appendSome = (documents: number) =>
    append(
      firestore,
      Array.from({ length: documents }, () => Array.from({ length: 10 }, () => entryText())),
    )
  /** Every entry is in the log once, and each checkpoint that anybody may have seen is a beginning of it. */
  const expectWhole = async (ids: readonly string[]) => {
    const log = await readWholeLog(firestore, signers)
    expect(log.ids.toSorted()).toEqual(ids.toSorted())
    expect(log.signedSize).toBe(log.size)
    expect((await firestore.collection(collections.ledgerIntake).get()).size).toBe(0)
    const leaves = log.texts.map((text) => leafHash(sha256, Buffer.from(text)))
    const sizes = published.map((text) => {
      const { checkpoint } = openCheckpoint(verifySignature, text, signers.keys)
      expect(areEqual(checkpoint.root, rootOf(sha256, joined(leaves.slice(0, checkpoint.size))))).toBe(true)
      return checkpoint.size
    })
    expect(sizes).toEqual(sizes.toSorted((a, b) => a - b))
  }
  return {
    firestore,
    wake,
    appendSome,
    expectWhole,
    close: () => Promise.all(clients.map((client) => client.terminate())),
  }
}

const callMs = 150

class DiedError extends Error {}

/** Dies at its n-th call; the dead do nothing more. */
const mortal = (nth: number, when: 'before' | 'after') => {
  let [calls, isDead] = [0, false]
  const call: Call = async (work) => {
    if (isDead) throw new DiedError('it is dead')
    const isLast = calls++ === nth
    if (isLast) isDead = true
    if (isLast && when === 'before') throw new DiedError(`died before call ${nth}`)
    const result = await work()
    if (isLast) throw new DiedError(`died after call ${nth}`)
    return result
  }
  return { call, calls: () => calls }
}

const documents = 30
const countCalls = async () => {
  const scene = createScene()
  await scene.appendSome(documents)
  const { call, calls } = mortal(Infinity, 'after')
  await scene.wake('counting', call)
  await scene.close()
  return calls()
}

describe('a sealer that dies', () => {
  it.each(['before', 'after'] as const)(
    '%s any of its calls loses and doubles nothing',
    async (when) => {
      const calls = await countCalls()
      expect(calls).toBeGreaterThan(15)
      for (let nth = 0; nth < calls; nth++) {
        const scene = createScene()
        const ids = await scene.appendSome(documents)
        await expect(scene.wake('dying', mortal(nth, when).call)).rejects.toThrow(DiedError)
        ids.push(...(await scene.appendSome(2)))
        // What it had read in a transaction is locked for a minute. Its lease has expired by then.
        atMs += 61_000
        await scene.wake('next')
        await scene.expectWhole(ids)
        await scene.close()
      }
    },
    240_000,
  )
})

describe('a sealer that stops', () => {
  it('before any of its calls, while another goes on, loses and doubles nothing when it comes back', async () => {
    const calls = await countCalls()
    expect(calls).toBeGreaterThan(15)
    for (let nth = 0; nth < calls; nth++) {
      const scene = createScene()
      const ids = await scene.appendSome(documents)
      const [stopped, comesBack] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      let count = 0
      const paused = scene.wake('paused', async (work) => {
        if (count++ === nth) {
          stopped.resolve()
          await comesBack.promise
        }
        return work()
      })
      await stopped.promise
      atMs += 61_000
      ids.push(...(await scene.appendSome(2)))
      await scene.wake('another')
      ids.push(...(await scene.appendSome(2)))
      comesBack.resolve()
      await paused
      await scene.wake('last')
      await scene.expectWhole(ids)
      await scene.close()
    }
  }, 240_000)
})
