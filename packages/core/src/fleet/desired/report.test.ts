import { parseEvent, propertiesLengthMax, type AgentDocument, type Properties } from '@infinity-matrix/contracts'
import { reportJson, testNowMs } from '@infinity-matrix/testing'
import { describe, expect, it } from 'vitest'
import { newAgent } from '../../shared/reported-state.ts'
import { fold, type Delivery, type StoredAgent } from '../fold.ts'

const at = new Date(testNowMs).toISOString()
const delivery = (json: object): Delivery => {
  const parsed = parseEvent(json, testNowMs)
  if (!parsed.ok) throw new Error(`test event is not valid: ${parsed.problem.field} ${parsed.problem.rule}`)
  return { event: parsed.value, raw: JSON.stringify(json), publishedAt: at }
}
const foldAll = (events: readonly object[], stored?: StoredAgent) => fold(stored, events.map(delivery), testNowMs)

const started = reportJson('agent.started.v1', 1, { kind: 'worker', labels: { team: 'a' } })
const reported = (sequence: number, properties: Properties, desiredVersion?: number) =>
  reportJson('agent.properties-reported.v1', sequence, {
    properties,
    ...(desiredVersion === undefined ? {} : { desiredVersion }),
  })
const desired = (properties: Properties): Pick<AgentDocument, 'desired' | 'inSync'> => ({
  desired: {
    version: 1,
    properties: JSON.stringify(properties),
    changedAt: at,
    changedBy: 'ada',
    jobId: null,
    replaced: null,
  },
  inSync: false,
})
const startedWith = (fields: Partial<AgentDocument>): StoredAgent => {
  const { agent } = foldAll([started])
  if (!agent) throw new Error('a start makes an agent')
  return { ...agent, document: { ...agent.document, ...fields } }
}

describe('a report of properties', () => {
  it('is merged into those before', () => {
    const { agent, verdicts } = foldAll([
      started,
      reported(2, { a: 1, b: { c: 1 } }),
      reported(3, { a: null, b: { d: 2 } }),
    ])
    expect(verdicts).toEqual(['applied', 'applied', 'applied'])
    expect(agent?.document).toMatchObject({ properties: '{"b":{"c":1,"d":2}}', inSync: true, status: 'running' })
  })

  it('brings an agent in sync with what was desired, and out of it', () => {
    const before = startedWith(desired({ level: 'debug' }))
    const after = foldAll([reported(2, { level: 'debug', more: 1 }, 1)], before).agent
    expect(after?.document).toMatchObject({ inSync: true, seenDesiredVersion: 1 })
    expect(foldAll([reported(3, { level: 'info' })], after).agent?.document).toMatchObject({
      inSync: false,
      seenDesiredVersion: 1,
    })
  })

  it('that would make them too large is refused, and takes its place', () => {
    const half = 'x'.repeat(propertiesLengthMax / 2)
    const { agent, refused } = foldAll([
      started,
      reported(2, { a: half }),
      reported(3, { b: half }),
      reported(4, { c: 1 }),
    ])
    expect(refused).toMatchObject([{ sequence: 3, problem: { code: 'too-large', field: 'data.properties' } }])
    expect(Object.keys(JSON.parse(agent?.document.properties ?? '') as object)).toEqual(['a', 'c'])
    expect(agent?.document.lastSequence).toBe(4)
  })

  it('leaves the run as it is', () => {
    const { agent } = foldAll([reported(1, { a: 1 })])
    expect(agent?.document).toMatchObject({ reported: newAgent, status: 'new', properties: '{"a":1}' })
  })
})

describe('a snapshot', () => {
  const snapshot = (properties?: Properties) =>
    reportJson('agent.snapshot.v1', 9, { state: newAgent, ...(properties ? { properties } : {}) })

  it('replaces the properties', () => {
    const before = startedWith({ ...desired({ level: 'debug' }), properties: '{"old":1}' })
    expect(foldAll([snapshot({ level: 'debug' })], before).agent?.document).toMatchObject({
      properties: '{"level":"debug"}',
      inSync: true,
    })
    expect(foldAll([snapshot()], before).agent?.document).toMatchObject({ properties: '{}', inSync: false })
  })
})

describe('what queries look for of a run', () => {
  it('stands where they find it, until the next run', () => {
    expect(foldAll([started]).agent?.document).toMatchObject({ kind: 'worker', labels: { team: 'a' } })
    const again = foldAll([started, reportJson('agent.started.v1', 2, { kind: 'other' })])
    expect(again.agent?.document).toMatchObject({ kind: 'other', labels: {} })
  })

  it('is not written again by other reports', () => {
    const before = startedWith({})
    const after = foldAll([reportJson('agent.step-taken.v1', 2, { step: 'acted' })], before).agent
    expect(after?.document.labels).toBe(before.document.labels)
    expect(after?.document.properties).toBe(before.document.properties)
  })
})
