import { AgentDocument, collections, parseEvent, type Properties } from '@infinity-matrix/contracts'
import { reportJson, testNowMs } from '@infinity-matrix/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { applyDesiredChange } from './desired.ts'
import { createFoldWindow } from '../fold/fold-window.ts'
import { createAgentStore } from '../fold/store.ts'
import { startEngines, type Engines } from '../testing.ts'

let engines: Engines

beforeAll(async () => {
  engines = await startEngines('demo-desired')
})
afterAll(() => engines.close())

const agentOf = async (agentId: string) =>
  AgentDocument.parse((await engines.context.firestore.collection(collections.agents).doc(agentId).get()).data())

describe('desired writes and folds of one agent at the same time', () => {
  it('lose nothing of each other', async () => {
    const agentId = 'both'
    const window = createFoldWindow({
      store: createAgentStore(engines.context.firestore, engines.context.batches),
      nowMs: () => testNowMs,
      refuse: async () => undefined,
      distribute: async () => undefined,
      report: async () => undefined,
    })
    const submit = (json: object) => {
      const event = parseEvent(json, testNowMs)
      if (!event.ok) throw new Error(event.problem.rule)
      return window.submit({
        event: event.value,
        raw: JSON.stringify(json),
        publishedAt: new Date(testNowMs).toISOString(),
      })
    }
    const reported = (sequence: number, properties: Properties) =>
      submit(reportJson('agent.properties-reported.v1', sequence, { properties }, { agentId }))
    await submit(reportJson('agent.started.v1', 1, { kind: 'worker' }, { agentId }))

    const changes = 15
    const folding = async () => {
      for (let nth = 0; nth < changes * 2; nth++) await reported(nth + 2, { [`r${nth}`]: nth })
    }
    const changing = async () => {
      for (let nth = 0; nth < changes; nth++)
        await applyDesiredChange(engines.context, agentId, {
          how: 'merge',
          properties: { [`r${nth}`]: nth },
          changedBy: 'ada',
          // Nobody else changes desired: a fold in between is no conflict.
          ifVersion: nth,
          jobId: null,
        })
    }
    await Promise.all([folding(), changing()])

    const agent = await agentOf(agentId)
    expect(agent).toMatchObject({ lastSequence: changes * 2 + 1, desired: { version: changes }, inSync: true })
    expect(Object.keys(JSON.parse(agent.properties) as object)).toHaveLength(changes * 2)
    expect(Object.keys(JSON.parse(agent.desired?.properties ?? '') as object)).toHaveLength(changes)
    expect(agent.version).toBe(1 + changes * 2 + changes)
  })
})
