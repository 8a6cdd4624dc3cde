import { hash } from 'node:crypto'
import type { Firestore } from '@google-cloud/firestore'
import { AgentDocument, chainOf, collections, parseEvent, type FoldReceipt } from '@infinity-matrix/contracts'
import { fold, type Delivery, type RefusedReport } from '@infinity-matrix/core/fleet'
import { history, reportJson, testNowMs, troubled } from '@infinity-matrix/testing'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Batches } from '../../runtime/batches.ts'
import { context, type Context } from '../../runtime/context.ts'
import { startLocalEngines, type LocalEngines } from '../../runtime/testing.ts'
import type { FoldedAgent } from './folded-agent.ts'
import { createFoldWindow, type FoldWindowOptions } from './fold-window.ts'
import { receiptsOf } from './receipts.ts'
import { createAgentStore, type AgentChange, type AgentStore } from './store.ts'
import { createWindows } from './windows.ts'

let engines: LocalEngines
let shared: Context
let firestore: Firestore
let batches: Batches

beforeAll(async () => {
  engines = await startLocalEngines('demo-fold-window')
  shared = await context()
  ;({ firestore, batches } = shared)
})
afterAll(async () => {
  await Promise.all([firestore.terminate(), batches.close(), shared.pubsub.close()])
  await engines.close()
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
const instance = (
  store: AgentStore = createAgentStore(firestore, batches),
  { distribute, ...bounds }: Partial<Pick<FoldWindowOptions, 'distribute' | 'eventsMax' | 'bytesMax'>> = {},
) => {
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
      await distribute?.(folded)
    },
    ...bounds,
    windows: createWindows(shared),
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
        const saved = await store.saveAll(changes.filter((change) => change.agentId !== agentId))
        if (changes.some((change) => change.agentId === agentId)) saved.failures.set(agentId, error)
        return saved
      },
    }
  }
  const withCode = (code: number) => Object.assign(new Error(`status ${code}`), { code })
  const allFailed = (changes: readonly AgentChange[], code: number) => ({
    writtenAtMs: new Map<string, number>(),
    failures: new Map(changes.map(({ agentId }) => [agentId, withCode(code)])),
  })

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

describe('a full window', () => {
  const blocked = () => {
    let open: () => void = () => undefined
    const opened = new Promise<void>((resolve) => (open = resolve))
    const store = createAgentStore(firestore, batches)
    return { open, store: { ...store, load: (ids: readonly string[]) => opened.then(() => store.load(ids)) } }
  }

  it.each([
    ['events', { eventsMax: 3 }],
    ['bytes', { bytesMax: 40 }],
  ])('of %s refuses at once what is to come again later, and takes it when there is room', async (what, bounds) => {
    const { open, store } = blocked()
    const window = instance(store, bounds)
    const held = window.submitAll([started(`full-${what}`), acted(`full-${what}`, 2)], 30)
    await expect(window.submitAll([acted(`full-${what}`, 3), acted(`full-${what}`, 4)], 30)).rejects.toMatchObject({
      code: 8,
      message: '2 events of 30 bytes are being folded',
    })
    open()
    expect(await held).toMatchObject([{ value: 'applied' }, { value: 'applied' }])
    const later = await window.submitAll([acted(`full-${what}`, 3), acted(`full-${what}`, 4)], 30)
    expect(later).toMatchObject([{ value: 'applied' }, { value: 'applied' }])
  })

  it('takes what is larger than itself when it is empty', async () => {
    const window = instance(undefined, { eventsMax: 1, bytesMax: 1 })
    expect(await window.submitAll([started('larger'), acted('larger', 2)], 1000)).toHaveLength(2)
  })
})

/** Batches whose n-th request to write has no answer: it was done, or not. */
const unanswered = (plan: readonly ('done' | 'not done' | 'answered')[]): Batches => {
  let nth = 0
  const lost = Object.assign(new Error('no answer'), { code: 14 })
  return {
    ...batches,
    writeAll: async (writes) => {
      const what = plan[nth++] ?? 'answered'
      if (what === 'not done') return writes.map(() => ({ status: 'rejected', reason: lost }))
      const results = await batches.writeAll(writes)
      return what === 'answered' ? results : writes.map(() => ({ status: 'rejected', reason: lost }))
    },
  }
}

describe('a commit without an answer', () => {
  it.each(['done', 'not done'] as const)('that was %s is applied once, and told', async (what) => {
    const agentId = `lost-${what.replace(' ', '-')}`
    const { submitAll, distributed } = instance(createAgentStore(firestore, unanswered([what, what])))
    await submitAll([started(agentId), acted(agentId, 2)], 0)
    expect(await agentOf(agentId)).toMatchObject({ lastSequence: 2, version: 1, reported: { usage: { steps: 1 } } })
    expect(distributed.flatMap(({ deliveries }) => deliveries.map(({ event }) => event.type))).toEqual([
      'agent.started.v1',
      'agent.step-taken.v1',
    ])
  })

  it('again and again is thrown at last, for the platform to deliver again', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0)
    const { submit } = instance(createAgentStore(firestore, unanswered(Array.from({ length: 20 }, () => 'not done'))))
    await expect(submit(started('away'))).rejects.toMatchObject({ code: 14 })
    vi.restoreAllMocks()
  })
})

describe('what agents did', () => {
  it('is told before the commit where parked reports are released, and told again with a commit that lost', async () => {
    const order: string[] = []
    await instance().submit(acted('told', 2))
    const store = createAgentStore(firestore, unanswered(['not done']))
    const { submit, distributed } = instance({
      ...store,
      saveAll: (changes) => {
        order.push(`save after ${distributed.length}`)
        return store.saveAll(changes)
      },
    })
    expect(await submit(started('told'))).toBe('applied')
    expect(order).toEqual(['save after 1', 'save after 2'])
    expect(distributed).toMatchObject([
      { agentId: 'told', released: [{ sequence: 2 }], document: { lastSequence: 2 } },
      { agentId: 'told', released: [{ sequence: 2 }], document: { lastSequence: 2 } },
    ])
  })

  it('and could not be told is delivered again, as a duplicate, and told then', async () => {
    let isAway = true
    const { submit, distributed } = instance(undefined, {
      distribute: async () => {
        if (isAway) throw Object.assign(new Error('away'), { code: 14 })
      },
    })
    await expect(submit(started('untold'))).rejects.toMatchObject({ code: 14 })
    isAway = false
    expect(await submit(started('untold'))).toBe('duplicate')
    expect(distributed.map(({ verdicts }) => verdicts)).toEqual([['applied'], ['duplicate']])
  })
})

describe('any deliveries to several instances at once, with commits that lose or are lost', () => {
  it('end in the pure fold, and every report is told', async () => {
    let run = 0
    const any: fc.Arbitrary<object[]> = history({ lengthMax: 10 })
    const cases = fc.tuple(any, any).chain((histories) =>
      fc.record({
        histories: fc.constant(histories),
        instances: fc.array(
          fc.record({
            delivered: troubled(histories.flatMap((events, agent) => events.map((json) => ({ agent, json })))),
            plan: fc.array(fc.constantFrom('done' as const, 'not done' as const, 'answered' as const), {
              maxLength: 4,
            }),
            messageSize: fc.integer({ min: 1, max: 8 }),
          }),
          { minLength: 1, maxLength: 3 },
        ),
      }),
    )
    await fc.assert(
      fc.asyncProperty(cases, async ({ histories, instances }) => {
        run++
        const named = (agent: number, json: object) => {
          const agentId = `any-${run}-${agent}`
          return delivery({ ...json, source: `//agents/${agentId}`, subject: `agents/${agentId}` })
        }
        const windows = instances.map(({ plan }) => instance(createAgentStore(firestore, unanswered(plan))))
        await Promise.all(
          instances.flatMap(({ delivered, messageSize }, nth) =>
            Array.from({ length: Math.ceil(delivered.length / messageSize) }, async (_, message) => {
              const some = delivered.slice(message * messageSize, (message + 1) * messageSize)
              const results = await windows[nth]?.submitAll(
                some.map(({ agent, json }) => named(agent, json)),
                0,
              )
              expect(results?.filter(({ status }) => status === 'rejected')).toEqual([])
            }),
          ),
        )
        for (const [agent, events] of histories.entries()) {
          const stored = await agentOf(`any-${run}-${agent}`)
          const pure = fold(
            undefined,
            events.map((json) => named(agent, json)),
            testNowMs,
            { window: chainOf(stored)?.window ?? '', hash: (text) => hash('sha256', text, 'base64') },
          ).agent?.document
          expect({ ...stored, version: 0 }).toEqual({ ...pure, version: 0 })
          const told = windows
            .flatMap(({ distributed }) => distributed)
            .filter(({ agentId }) => agentId === stored.agentId)
            .flatMap(({ deliveries, released, verdicts }) => [
              ...deliveries.filter((_, index) => verdicts[index] !== 'parked').map(({ raw }) => raw),
              ...released.map(({ raw }) => raw),
            ])
          expect(new Set(told).size).toBe(events.length)
        }
      }),
      { numRuns: 30 },
    )
  }, 60_000)
})
