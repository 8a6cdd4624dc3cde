import { Firestore } from '@google-cloud/firestore'
import { AgentDocument, collections, parseEvent, type FoldReceipt } from '@infinity-matrix/contracts'
import type { Delivery, RefusedReport } from '@infinity-matrix/core/fleet'
import { startFirestoreEngine } from '@infinity-matrix/embedded/firestore'
import { reportJson, testNowMs } from '@infinity-matrix/testing'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { openBatches, type Batches } from '../runtime/batches.ts'
import type { FoldedAgent } from './fold-commit.ts'
import { createFoldWindow } from './fold-window.ts'
import { receiptsOf } from './receipts.ts'
import { createAgentStore, type AgentChange, type AgentStore } from './store.ts'

let engine: Awaited<ReturnType<typeof startFirestoreEngine>>
let firestore: Firestore
let batches: Batches

beforeAll(async () => {
  engine = await startFirestoreEngine({ host: '127.0.0.1', port: 0 })
  vi.stubEnv('FIRESTORE_EMULATOR_HOST', `${engine.host}:${engine.port}`)
  vi.stubEnv('GCLOUD_PROJECT', 'demo-fold-window')
  firestore = new Firestore()
  batches = await openBatches()
})
afterAll(async () => {
  await Promise.all([firestore.terminate(), batches.close()])
  await engine.close()
  vi.unstubAllEnvs()
})

const delivery = (json: object): Delivery => {
  const parsed = parseEvent(json, testNowMs)
  if (!parsed.ok) throw new Error(`test event is not valid: ${parsed.problem.rule}`)
  return { event: parsed.value, raw: JSON.stringify(json), publishedAt: new Date(testNowMs).toISOString() }
}
const started = (agentId: string) => delivery(reportJson('agent.started.v1', 1, { kind: 'worker' }, { agentId }))
const acted = (agentId: string, sequence: number) =>
  delivery(reportJson('agent.step-taken.v1', sequence, { step: 'acted', costUsd: 0.25 }, { agentId }))

/** One function instance: a window, and what it did. */
const instance = (store: AgentStore = createAgentStore(firestore, batches)) => {
  const receipts: FoldReceipt[] = []
  const refused: RefusedReport[] = []
  const distributed: FoldedAgent[] = []
  const window = createFoldWindow({
    store,
    nowMs: () => testNowMs,
    refuse: async (one) => {
      refused.push(one)
    },
    distribute: async (folded) => {
      distributed.push(...folded)
    },
    report: async (folded) => {
      receipts.push(...receiptsOf(folded, testNowMs))
    },
  })
  return { ...window, receipts, refused, distributed }
}
const agentOf = async (agentId: string) =>
  AgentDocument.parse((await firestore.collection(collections.agents).doc(agentId).get()).data())

describe('group commit', () => {
  it('writes an agent once for all deliveries that are there together', async () => {
    const { submit, receipts } = instance()
    const verdicts = await Promise.all([acted('a', 3), started('a'), acted('a', 2), acted('a', 2)].map(submit))
    expect(verdicts).toEqual(['parked', 'applied', 'applied', 'duplicate'])
    expect(await agentOf('a')).toMatchObject({ lastSequence: 3, version: 1, reported: { usage: { steps: 2 } } })
    expect(receipts).toMatchObject([
      { tenant: 'acme', applied: 2, parked: 1, released: 1, duplicates: 1, lagMs: [0, 0, 0] },
    ])
  })

  it('many instances that fold the same agents at once apply each report once', async () => {
    const instances = [instance(), instance(), instance()]
    const agents = ['b', 'c']
    const all = agents.flatMap((agent) => [
      started(agent),
      ...Array.from({ length: 40 }, (_, index) => acted(agent, index + 2)),
    ])
    // Every delivery goes to two instances: Pub/Sub may do that.
    const twice = instances.flatMap(({ submit }, nth) =>
      all.filter((_, index) => index % 3 !== nth).map((one) => submit(one)),
    )
    expect(await Promise.all(twice)).toHaveLength(all.length * 2)
    for (const agent of agents)
      expect(await agentOf(agent)).toMatchObject({
        lastSequence: 41,
        parked: [],
        reported: { usage: { steps: 40, costUsd: 10 } },
      })
    const sum = (count: (receipt: FoldReceipt) => number) =>
      instances.flatMap(({ receipts }) => receipts).reduce((total, receipt) => total + count(receipt), 0)
    expect(sum(({ applied, released }) => applied + released)).toBe(all.length)
    expect(sum(({ duplicates }) => duplicates)).toBe(all.length)
  })
})

describe('an agent that is erased between read and write', () => {
  it('begins anew, with what comes', async () => {
    const store = createAgentStore(firestore, batches)
    await instance().submit(started('erased'))
    let isFirst = true
    const { submit } = instance({
      ...store,
      saveAll: async (changes) => {
        if (isFirst) await firestore.collection(collections.agents).doc('erased').delete()
        isFirst = false
        return store.saveAll(changes)
      },
    })
    expect(await submit(acted('erased', 2))).toBe('parked')
    expect(await agentOf('erased')).toMatchObject({ lastSequence: 0, parked: [{ sequence: 2 }] })
  })
})

describe('failure', () => {
  const failingFor = (agentId: string, error: Error & { code: number }): AgentStore => {
    const store = createAgentStore(firestore, batches)
    return {
      ...store,
      saveAll: async (changes) => {
        const failures = await store.saveAll(changes.filter((change) => change.agentId !== agentId))
        return changes.some((change) => change.agentId === agentId) ? failures.set(agentId, error) : failures
      },
    }
  }
  const withCode = (code: number) => Object.assign(new Error(`status ${code}`), { code })
  const allFailed = (changes: readonly AgentChange[], code: number) =>
    new Map(changes.map(({ agentId }) => [agentId, withCode(code)]))

  it('of one agent fails its own deliveries only', async () => {
    const { submit } = instance(failingFor('d', withCode(14)))
    const [failed, stored] = await Promise.allSettled([started('d'), started('e')].map(submit))
    expect(failed).toMatchObject({ status: 'rejected', reason: { code: 14 } })
    expect(stored).toMatchObject({ status: 'fulfilled', value: 'applied' })
  })

  it.each([5, 6, 9, 10])('with status %i, of a write that lost, reads and decides anew', async (code) => {
    const store = createAgentStore(firestore, batches)
    let lost = 0
    const { submit } = instance({
      ...store,
      saveAll: async (changes) => {
        if (lost++ > 0) return store.saveAll(changes)
        return allFailed(changes, code)
      },
    })
    expect(await submit(started(`lost-${code}`))).toBe('applied')
    expect(await agentOf(`lost-${code}`)).toMatchObject({ lastSequence: 1 })
  })

  it('by contention that never ends is thrown at last, for the platform to deliver again', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0)
    const { submit } = instance(failingFor('f', withCode(10)))
    await expect(submit(started('f'))).rejects.toMatchObject({ code: 10 })
    vi.restoreAllMocks()
  })

  it('of a report that cannot be stored sets it apart from those that can', async () => {
    const store = createAgentStore(firestore, batches)
    const poison = acted('g', 2)
    const { submit } = instance({
      ...store,
      saveAll: (changes) =>
        changes.some(({ next }) => next.document.lastSequence >= 2 && next.document.agentId === 'g')
          ? Promise.resolve(allFailed(changes, 3))
          : store.saveAll(changes),
    })
    const results = await Promise.allSettled([started('g'), poison].map(submit))
    expect(results).toMatchObject([
      { status: 'fulfilled', value: 'applied' },
      { status: 'rejected', reason: { code: 3 } },
    ])
  })

  it('to read fails all that wait for the read', async () => {
    const { submit } = instance({ ...createAgentStore(firestore, batches), load: () => Promise.reject(withCode(14)) })
    await expect(submit(started('h'))).rejects.toMatchObject({ code: 14 })
  })

  it('to keep a dead letter leaves the agent where it was', async () => {
    const window = createFoldWindow({
      store: createAgentStore(firestore, batches),
      nowMs: () => testNowMs,
      refuse: () => Promise.reject(withCode(7)),
      distribute: async () => undefined,
      report: async () => undefined,
    })
    await expect(window.submit(acted('i', 1))).rejects.toMatchObject({ code: 7 })
    expect((await firestore.collection(collections.agents).doc('i').get()).exists).toBe(false)
  })
})
