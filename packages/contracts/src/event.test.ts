import { observationJson, reportJson, testNowMs } from '@infinity-matrix/testing'
import { describe, expect, it } from 'vitest'
import { clockSkewMinutesMax, eventAgeDaysMax, parseEvent, parseMessage } from './index.ts'

const step = reportJson('agent.step-taken.v1', 2, { step: 'acted', tool: 'search', costUsd: 0.25 })
const without = (field: string): Record<string, unknown> =>
  Object.fromEntries(Object.entries(step).filter(([name]) => name !== field))
const problemOf = (input: unknown) => {
  const parsed = parseEvent(input, testNowMs)
  if (parsed.ok) throw new Error('was accepted')
  return parsed.problem
}

describe('a valid event', () => {
  it('is accepted with its agent named', () => {
    const parsed = parseEvent(step, testNowMs)
    expect(parsed).toMatchObject({ ok: true, value: { agentId: 'agent-1', sequence: 2, data: { tool: 'search' } } })
  })

  it('may carry attributes that nobody knows, which are dropped', () => {
    const parsed = parseEvent({ ...step, partitionkey: 'x' }, testNowMs)
    expect(parsed.ok && 'partitionkey' in parsed.value).toBe(false)
    expect(parsed.ok).toBe(true)
  })

  it('of an old version comes out as the current one', () => {
    const old = { ...step, type: 'agent.finished.v1', data: { success: true, exitCode: 0 } }
    expect(parseEvent(old, testNowMs)).toMatchObject({
      ok: true,
      value: { type: 'agent.finished.v2', data: { outcome: 'success', exitCode: 0 } },
    })
  })

  it('of an old version is judged by that version', () => {
    const old = { ...step, type: 'agent.finished.v1', data: { success: 'yes' } }
    expect(problemOf(old)).toMatchObject({ code: 'bad-data', field: 'data.success', rule: 'must be true or false' })
  })
})

describe('each field of the envelope has a rule that its refusal names', () => {
  const timeRule = 'must be an RFC 3339 date and time with its offset, in the years 1970 to 9999 of UTC'
  const cases: [field: string, bad: unknown, rule: string][] = [
    ['specversion', '0.3', 'must be "1.0"'],
    ['id', '0190163d-8694-439b-aea5-966c26f8ad91', 'must be a UUID of version 7'],
    ['id', '', 'must be a UUID of version 7'],
    ['source', 'https://example.com', 'must be //agents/{agentId} or //control-plane/{room}'],
    ['type', 'Agent Started', 'must be lower-case words and a version, such as agent.started.v1'],
    ['type', 'agent.started', 'must be lower-case words and a version, such as agent.started.v1'],
    ['subject', 'agents/../x', 'must be agents/{agentId}'],
    ['subject', 'agents/__name__', 'must be agents/{agentId}'],
    ['subject', `agents/${'a'.repeat(129)}`, 'must be agents/{agentId}'],
    ['time', 'yesterday', timeRule],
    ['time', '0000-01-01T00:00:00+14:00', timeRule],
    ['time', '9999-12-31T23:59:59-14:00', timeRule],
    ['time', '2026-01-01T00:00:00', timeRule],
    ['datacontenttype', 'text/plain', 'must be application/json'],
    ['tenant', 'ACME', 'must be 1 to 63 of a-z, 0-9 or -, not at its ends'],
    ['tenant', '', 'must be 1 to 63 of a-z, 0-9 or -, not at its ends'],
    ['region', 'us/west1', 'must be 1 to 63 of a-z, 0-9 or -, not at its ends'],
    ['tier', 'gold', 'must be one of elite, mastery, standard'],
    ['sequence', 0, 'must be a whole number from 1 to 9007199254740991'],
    ['sequence', 1.5, 'must be a whole number from 1 to 9007199254740991'],
    ['sequence', '2', 'must be a whole number from 1 to 9007199254740991'],
    ['sequence', 2 ** 53, 'must be a whole number from 1 to 9007199254740991'],
    ['traceparent', '00-0-0-0', 'must be a W3C traceparent of version 00'],
    ['traceparent', `00-${'0'.repeat(32)}-${'1'.repeat(16)}-01`, 'must be a W3C traceparent of version 00'],
    ['data', [], 'must be an object'],
    ['data', null, 'must be an object'],
  ]
  it.each(cases)('%s: %j', (field, bad, rule) => {
    expect(problemOf({ ...step, [field]: bad })).toEqual({ code: 'bad-envelope', field, rule })
  })

  it.each(['specversion', 'id', 'source', 'type', 'subject', 'time', 'tenant', 'region', 'tier', 'sequence', 'data'])(
    'without %s',
    (field) => {
      expect(problemOf(without(field))).toMatchObject({ code: 'bad-envelope', field })
    },
  )

  it('source and subject name one agent', () => {
    const problem = problemOf({ ...step, subject: 'agents/agent-2' })
    expect(problem).toEqual({
      code: 'bad-envelope',
      field: 'source',
      rule: 'must name the same agent as subject, //agents/agent-2',
    })
  })

  it('nobody reports for an agent but itself', () => {
    expect(problemOf({ ...step, source: '//control-plane/fleet' })).toMatchObject({ field: 'source' })
  })

  it('an observation has no sequence', () => {
    const heartbeat = observationJson('agent.heartbeat.v1', { silenceBoundSeconds: 30 })
    expect(parseEvent(heartbeat, testNowMs).ok).toBe(true)
    expect(problemOf({ ...heartbeat, sequence: 1 })).toMatchObject({
      field: 'sequence',
      rule: 'must be absent for agent.heartbeat.v1',
    })
  })

  it.each([['[]'], ['null'], ['3'], ['"text"']])('%s is no event', (text) => {
    expect(parseEvent(JSON.parse(text), testNowMs).ok).toBe(false)
  })
})

describe('type, version, age and data', () => {
  it('names an unknown type', () => {
    expect(problemOf({ ...step, type: 'agent.exploded.v1' })).toMatchObject({ code: 'unknown-type', field: 'type' })
    expect(problemOf({ ...step, type: 'constructor.v1' })).toMatchObject({ code: 'unknown-type' })
  })

  it('names an unknown version of a known type', () => {
    expect(problemOf({ ...step, type: 'agent.step-taken.v9' })).toMatchObject({
      code: 'unknown-version',
      field: 'type',
    })
  })

  it('refuses what is too old, and what is ahead of our clock', () => {
    const at = (ms: number) => ({ ...step, time: new Date(testNowMs + ms).toISOString() })
    const day = 86_400_000
    expect(parseEvent(at(-eventAgeDaysMax * day), testNowMs).ok).toBe(true)
    expect(problemOf(at(-eventAgeDaysMax * day - 1))).toMatchObject({ code: 'too-old', field: 'time' })
    expect(parseEvent(at(clockSkewMinutesMax * 60_000), testNowMs).ok).toBe(true)
    expect(problemOf(at(clockSkewMinutesMax * 60_000 + 1))).toMatchObject({ code: 'bad-envelope', field: 'time' })
  })

  it.each([
    [{ step: 'slept' }, 'data.step', 'must be one of thought, acted, observed'],
    [{ step: 'acted', tool: '__proto__' }, 'data.tool', 'must be 1 to 128 printable characters and not start with __'],
    [{ step: 'acted', costUsd: -1 }, 'data.costUsd', 'must be a number from 0 to 1000000000000'],
    [{ step: 'acted', costUsd: 1e13 }, 'data.costUsd', 'must be a number from 0 to 1000000000000'],
    [
      { step: 'observed', observationBytes: 0.5 },
      'data.observationBytes',
      'must be a whole number from 0 to 9007199254740991',
    ],
  ])('data %j is refused at its field', (data, field, rule) => {
    expect(problemOf({ ...step, data })).toEqual({ code: 'bad-data', field, rule })
  })

  it('a moment that no document could say in UTC is refused, wherever it stands', () => {
    const silent = (lastHeardAt: string) =>
      observationJson('agent.went-silent.v1', { lastHeardAt, silenceBoundSeconds: 30 })
    expect(parseEvent(silent('9999-12-31T23:59:59Z'), testNowMs).ok).toBe(true)
    for (const beyond of ['9999-12-31T23:59:59-01:00', '0000-01-01T00:00:00+14:00', '1969-12-31T23:59:59Z'])
      expect(problemOf(silent(beyond))).toMatchObject({ code: 'bad-data', field: 'data.lastHeardAt' })
  })

  it('a snapshot with a state nobody knows is refused at its field', () => {
    const snapshot = { ...step, type: 'agent.snapshot.v1', data: { state: { status: 'flying' } } }
    expect(problemOf(snapshot)).toMatchObject({ code: 'bad-data', field: 'data.state.status' })
  })
})

describe('a message', () => {
  it('holds one event or many, each judged by itself', () => {
    const { events, refused } = parseMessage(
      JSON.stringify({ events: [step, { ...step, tier: 'gold' }, step] }),
      testNowMs,
    )
    expect(events.map(({ raw }) => JSON.parse(raw))).toEqual([step, step])
    expect(refused).toMatchObject([{ index: 1, problem: { field: 'tier' } }])
  })

  it('may have an event in each line, each with its own text', () => {
    const lines = [
      JSON.stringify(step),
      '',
      '{"broken":',
      ` ${JSON.stringify(step)}`,
      JSON.stringify({ ...step, tier: 'gold' }),
    ]
    const { events, refused } = parseMessage([lines[0], lines[4], ...lines].join('\n'), testNowMs)
    expect(events.map(({ raw, index }) => [raw, index])).toEqual([
      [lines[0], 0],
      [lines[0], 2],
      [lines[3], 4],
    ])
    expect(refused).toMatchObject([
      { index: 1, raw: lines[4], problem: { field: 'tier' } },
      { index: 3, raw: lines[2], problem: { code: 'not-json' } },
      { index: 5, raw: lines[4], problem: { field: 'tier' } },
    ])
  })

  it('of one event may be written over several lines', () => {
    const text = JSON.stringify(step, null, 2)
    expect(parseMessage(text, testNowMs).events).toMatchObject([{ raw: text, index: 0 }])
  })

  it.each([['{"events":[]}'], ['{"events":{}}'], ['{"events":null}']])('%s names the list', (text) => {
    expect(parseMessage(text, testNowMs).refused).toMatchObject([{ raw: undefined, problem: { field: 'events' } }])
  })

  it('that is no JSON is refused whole', () => {
    expect(parseMessage('{"a":', testNowMs).refused).toMatchObject([{ raw: undefined, problem: { code: 'not-json' } }])
  })
})
