import { propertiesLengthMax, type AgentDocument, type Properties } from '@infinity-matrix/contracts'
import { testNowMs, agentDocument } from '@infinity-matrix/testing'
import { describe, expect, it } from 'vitest'
import { changeDesired, desiredViewOf, type DesiredChange } from './change.ts'

const change = (properties: Properties, more: Partial<DesiredChange> = {}): DesiredChange => ({
  how: 'merge',
  properties,
  changedBy: 'ada',
  ifVersion: undefined,
  jobId: null,
  ...more,
})
/** The agent after a change that is made. */
const after = (agent: AgentDocument, made: DesiredChange): AgentDocument => {
  const decision = changeDesired(agent, made, testNowMs)
  if (decision.kind !== 'changed') throw new Error(`the change was ${decision.kind}`)
  return { ...agent, ...decision.fields }
}

describe('a change of what is desired', () => {
  it('merges or replaces, and counts versions', () => {
    const first = after(agentDocument(), change({ level: 'info', limits: { steps: 10 } }))
    expect(desiredViewOf(first)).toMatchObject({ desired: { version: 1, changedBy: 'ada' }, inSync: false })
    const merged = after(first, change({ level: null, limits: { cost: 2 } }))
    expect(desiredViewOf(merged).desired).toMatchObject({ version: 2, properties: { limits: { steps: 10, cost: 2 } } })
    const replaced = after(merged, change({ level: 'debug', gone: null }, { how: 'replace' }))
    expect(desiredViewOf(replaced).desired).toMatchObject({ version: 3, properties: { level: 'debug' } })
  })

  it('is made under the version it is meant for, and under no other', () => {
    const first = after(agentDocument(), change({ a: 1 }, { ifVersion: 0 }))
    expect(after(first, change({ a: 2 }, { ifVersion: 1 })).desired?.version).toBe(2)
    for (const ifVersion of [0, 2])
      expect(changeDesired(first, change({ a: 2 }, { ifVersion }), testNowMs)).toEqual({ kind: 'conflict' })
  })

  it('that changes nothing is not written, so that saying it twice is saying it once', () => {
    const first = after(agentDocument(), change({ a: 1, b: { c: 1 } }))
    expect(changeDesired(first, change({ b: { c: 1 } }), testNowMs)).toEqual({ kind: 'unchanged' })
    expect(changeDesired(agentDocument(), change({}), testNowMs)).toMatchObject({ kind: 'changed' })
  })

  it('that makes the properties too large is refused', () => {
    const first = after(agentDocument(), change({ a: 'x'.repeat(propertiesLengthMax - 100) }))
    expect(changeDesired(first, change({ b: 'x'.repeat(200) }), testNowMs)).toEqual({
      kind: 'refused',
      rule: `must be at most ${propertiesLengthMax} characters of JSON`,
    })
  })

  it('by a job keeps what it replaced', () => {
    const first = after(agentDocument(), change({ a: 1 }))
    expect(after(first, change({ a: 2 }, { jobId: 'j1' })).desired).toMatchObject({ jobId: 'j1', replaced: '{"a":1}' })
    expect(after(first, change({ a: 2 })).desired).toMatchObject({ jobId: null, replaced: null })
  })

  it('is in sync at once with an agent that reported it already', () => {
    const agent = agentDocument({ properties: '{"a":1,"b":2}' })
    expect(after(agent, change({ a: 1 })).inSync).toBe(true)
    expect(desiredViewOf(after(agent, change({ a: 2 })))).toMatchObject({ inSync: false, delta: { a: 2 } })
  })
})
