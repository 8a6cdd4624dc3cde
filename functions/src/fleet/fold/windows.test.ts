import { hash } from 'node:crypto'
import {
  AgentDocument,
  chainOf,
  collections,
  LedgerEntry,
  LedgerIntake,
  LedgerWindow,
  parseEvent,
  WindowPart,
} from '@infinity-matrix/contracts'
import { extendChain } from '@infinity-matrix/core/event-chain'
import type { Delivery } from '@infinity-matrix/core/fleet'
import { joined, leafHash, rootOf } from '@infinity-matrix/core/merkle'
import { history, reportJson, testNowMs, troubled } from '@infinity-matrix/testing'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sha256 } from '../../runtime/sha256.ts'
import { startEngines, type Engines } from '../testing.ts'
import { createFoldWindow } from './fold-window.ts'
import { createAgentStore } from './store.ts'
import { createWindows, type Windows } from './windows.ts'

let engines: Engines

beforeAll(async () => {
  engines = await startEngines('demo-windows')
})
afterAll(() => engines.close())

const textHash = (text: string) => hash('sha256', text, 'base64')
const deliveryOf = (json: object): Delivery => {
  const parsed = parseEvent(json, testNowMs)
  if (!parsed.ok) throw new Error(parsed.problem.rule)
  return { event: parsed.value, raw: JSON.stringify(json), publishedAt: new Date(testNowMs).toISOString() }
}
const acted = (agentId: string, sequence: number) =>
  deliveryOf(
    sequence === 1
      ? reportJson('agent.started.v1', 1, { kind: 'worker' }, { agentId })
      : reportJson('agent.step-taken.v1', sequence, { step: 'acted' }, { agentId }),
  )

/** A function instance. */
const instance = (windows: Windows = createWindows(engines.context)) =>
  createFoldWindow({
    store: createAgentStore(engines.context.firestore, engines.context.batches),
    nowMs: () => testNowMs,
    refuse: async () => undefined,
    distribute: async () => undefined,
    windows,
    report: async () => undefined,
  })
/** One that is killed after it stored agents, and before it records them. */
const dying = () => instance({ ...createWindows(engines.context), record: () => Promise.reject(new Error('killed')) })

const read = async (path: string) => (await engines.context.firestore.doc(path).get()).data()
const agentOf = async (agentId: string) => AgentDocument.parse(await read(`${collections.agents}/${agentId}`))

/** What the ledger has of an agent's state, found as a verifier finds it: by the window that the agent names. */
const recordOf = async (agentId: string) => {
  const chain = chainOf(await agentOf(agentId))
  const names = [`${chain?.window}`, `${chain?.window}:${agentId}`]
  const intake = await engines.context.firestore.collection(collections.ledgerIntake).get()
  const entries = intake.docs.flatMap((one) =>
    LedgerIntake.parse(one.data()).entries.map((text) => LedgerEntry.parse(JSON.parse(text))),
  )
  for (const name of names) {
    const window = LedgerWindow.safeParse(await read(`${collections.ledgerWindows}/${name}`))
    if (!window.success) continue
    const lines = window.data.parts.split('\n')
    const part = lines.map((line) => WindowPart.parse(JSON.parse(line))).find(({ agent }) => agent === agentId)
    if (!part) continue
    const leaves = joined(lines.map((line) => leafHash(sha256, line)))
    const root = Buffer.from(rootOf(sha256, leaves)).toString('base64')
    const entry = entries.filter(({ subject }) => subject === `${collections.ledgerWindows}/${name}`)
    return { name, part, root, entry }
  }
  return undefined
}

const expectRecorded = async (agentId: string, texts: readonly string[]) => {
  const chain = chainOf(await agentOf(agentId))
  const found = await recordOf(agentId)
  const expected = extendChain(textHash, undefined, texts, '')
  expect(chain).toMatchObject({ head: expected.head, length: texts.length })
  expect(found?.part).toMatchObject({ head: expected.head, length: texts.length, tenant: 'acme' })
  expect(found?.entry).toMatchObject([{ kind: 'events-folded', details: { root: found?.root } }])
  return found
}

describe('a commit', { timeout: 60_000 }, () => {
  it('is one entry for all its agents, and each names it', async () => {
    const all = ['one', 'two'].flatMap((agent) => [1, 2, 3].map((sequence) => acted(agent, sequence)))
    await instance().submitAll(all, 0)
    const [one, two] = [
      await expectRecorded(
        'one',
        all.slice(0, 3).map(({ raw }) => raw),
      ),
      await expectRecorded(
        'two',
        all.slice(3).map(({ raw }) => raw),
      ),
    ]
    expect(one?.name).toBe(two?.name)
  })

  it('of any history, in any order and however often it comes, leaves the chain of the reports in their order', async () => {
    let nth = 0
    const any: fc.Arbitrary<object[]> = history({ lengthMax: 12 })
    await fc.assert(
      fc.asyncProperty(
        any.chain((reports) =>
          fc.tuple(
            fc.constant(reports),
            fc.shuffledSubarray(reports, { minLength: reports.length }).chain((order) => troubled(order)),
          ),
        ),
        async ([reports, arrivals]) => {
          const agentId = `history-${++nth}`
          const named = (report: object) => ({ ...report, source: `//agents/${agentId}`, subject: `agents/${agentId}` })
          const { submit } = instance()
          for (const report of arrivals) await submit(deliveryOf(named(report)))
          await expectRecorded(
            agentId,
            reports.map((report) => JSON.stringify(named(report))),
          )
        },
      ),
      { numRuns: 15 },
    )
  })
})

describe('an instance that dies after it stored agents and before it recorded them', { timeout: 60_000 }, () => {
  it('leaves what is found and made good when the deliveries come again', async () => {
    const all = [acted('healed', 1), acted('healed', 2)]
    await expect(dying().submit(all[0] as Delivery)).rejects.toThrow('killed')
    await expect(dying().submit(all[1] as Delivery)).rejects.toThrow('killed')
    expect(await recordOf('healed')).toBeUndefined()
    // Twice at once: the platform may deliver to two instances.
    const verdicts = await Promise.all([instance().submitAll(all, 0), instance().submitAll(all, 0)])
    expect(verdicts.flat().map((result) => result.status === 'fulfilled' && result.value)).toEqual(
      Array.from({ length: 4 }, () => 'duplicate'),
    )
    const found = await expectRecorded(
      'healed',
      all.map(({ raw }) => raw),
    )
    expect(found?.name).toContain(':healed')
  })

  it('is covered by the next report, whose window has the chain of all', async () => {
    const all = [acted('covered', 1), acted('covered', 2)]
    await expect(dying().submit(all[0] as Delivery)).rejects.toThrow('killed')
    await instance().submit(all[1] as Delivery)
    await instance().submit(all[0] as Delivery)
    const found = await expectRecorded(
      'covered',
      all.map(({ raw }) => raw),
    )
    expect(found?.name).not.toContain(':')
  })
})

describe('what is recorded already', { timeout: 60_000 }, () => {
  it('is not recorded again for a duplicate, by the same instance or another', async () => {
    const first = instance()
    await first.submit(acted('again', 1))
    const before = await engines.context.firestore.collection(collections.ledgerIntake).count().get()
    await first.submit(acted('again', 1))
    await instance().submit(acted('again', 1))
    const after = await engines.context.firestore.collection(collections.ledgerIntake).count().get()
    expect(after.data().count).toBe(before.data().count)
  })
})
