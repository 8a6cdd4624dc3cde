import { parseEvent } from '@infinity-matrix/contracts'
import { observationJson, testNowMs } from '@infinity-matrix/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createPulseGatherer, decodeVoices, mergeVoices, shardOf, voicesOf, type Voice } from '../index.ts'

const now = testNowMs / 1000
const heartbeat = (data: object, timeMs = testNowMs) => {
  const json = observationJson('agent.heartbeat.v1', { silenceBoundSeconds: 30 }, { agentId: 'a', timeMs })
  const parsed = parseEvent({ ...json, data: { ...json.data, ...data } }, testNowMs)
  if (!parsed.ok || parsed.value.type !== 'agent.heartbeat.v1') throw new Error('test event is not a valid heartbeat')
  return parsed.value
}

const kinds = [30, 60].flatMap((silenceBoundSeconds) =>
  (['elite', 'standard'] as const).map((tier) => ({ tenant: 't', region: 'r', tier, silenceBoundSeconds })),
)
const anyVoice: fc.Arbitrary<Voice> = fc.record({
  key: fc.constantFrom('a', 'a gpu', 'b', 'c'),
  kind: fc.constantFrom(...kinds),
  heardAt: fc.nat(5),
  leftAt: fc.nat(3),
  will: fc.option(fc.record({ at: fc.nat(5), json: fc.constantFrom(null, '{"a":1}', '{"b":2}') }), { nil: undefined }),
})

describe('a heartbeat', () => {
  it('speaks for its agent and for each capability that it lists', () => {
    const voices = voicesOf(
      heartbeat({ capabilities: { gpu: { silenceBoundSeconds: 60 }, web: { silenceBoundSeconds: 5, leaving: true } } }),
      testNowMs,
    )
    expect(voices).toMatchObject([
      { key: 'a', kind: { silenceBoundSeconds: 30 }, heardAt: now, leftAt: 0 },
      { key: 'a gpu', kind: { silenceBoundSeconds: 60 }, heardAt: now, leftAt: 0 },
      { key: 'a web', heardAt: 0, leftAt: now },
    ])
  })

  it('is heard when its agent says, rounded up to a second, and not after it was published', () => {
    const heardAt = (timeMs: number, publishedAtMs: number) =>
      voicesOf(heartbeat({}, timeMs), publishedAtMs)[0]?.heardAt
    expect(heardAt(testNowMs - 20_001, testNowMs)).toBe(now - 20)
    expect(heardAt(testNowMs + 60_000, testNowMs)).toBe(now)
  })

  it('registers a will, withdraws it, or says nothing of it', () => {
    const will = (data: object) => voicesOf(heartbeat(data), testNowMs)[0]?.will
    expect(will({ will: { page: 'ops' } })).toEqual({ at: now, json: '{"page":"ops"}' })
    expect(will({ will: null })).toEqual({ at: now, json: null })
    expect(will({})).toBeUndefined()
  })
})

describe('voices', () => {
  it('of one key merge alike in any order, grouping and repetition', () => {
    const same = anyVoice.map((voice) => ({ ...voice, key: 'a' }))
    fc.assert(
      fc.property(same, same, same, (a, b, c) => {
        expect(mergeVoices(a, b)).toEqual(mergeVoices(b, a))
        expect(mergeVoices(mergeVoices(a, b), c)).toEqual(mergeVoices(a, mergeVoices(b, c)))
        expect(mergeVoices(a, a)).toEqual(a)
      }),
    )
  })

  it('of an agent in the name of another tenant are others', () => {
    const { add, take, size } = createPulseGatherer()
    const [own, foreign] = ['acme', 'evil'].map((tenant) => ({ ...kind, tenant }))
    const will = { at: now, json: '{"page":"nobody"}' }
    for (const said of [{ kind: own ?? kind }, { kind: foreign ?? kind, will }, { kind: own ?? kind }])
      add({ key: 'a', heardAt: now, leftAt: 0, will: undefined, ...said })
    expect(size()).toBe(2)
    const came = take().flatMap((pulse) => decodeVoices(pulse))
    expect(came.map((voice) => [voice.key, voice.kind.tenant, voice.will])).toEqual([
      ['a', 'acme', undefined],
      ['a', 'evil', will],
    ])
  })

  it('go into pulses by shard and come out again', () => {
    fc.assert(
      fc.property(fc.array(anyVoice), (voices) => {
        const { add, take, size } = createPulseGatherer()
        for (const voice of voices) add(voice)
        const expected = [...Map.groupBy(voices, ({ key }) => key).values()].map((same) => same.reduce(mergeVoices))
        expect(size()).toBe(expected.length)
        const pulses = take()
        expect(size()).toBe(0)
        const came = pulses.flatMap((pulse) => decodeVoices(pulse))
        const byKey = (list: Voice[]) => list.toSorted((a, b) => (a.key < b.key ? -1 : 1))
        expect(byKey(came)).toEqual(byKey(expected))
        for (const pulse of pulses)
          for (const { key } of decodeVoices(pulse)) expect(shardOf(key.split(' ')[0] ?? '')).toBe(pulse.shard)
      }),
    )
  })

  it('that are too long for one document go into several', () => {
    const { add, take } = createPulseGatherer()
    const json = JSON.stringify({ text: '€'.repeat(1000) })
    for (let i = 0; i < 10_000; i++)
      add({ key: `agent-${i}`, kind: kinds[0] ?? kind, heardAt: now, leftAt: 0, will: { at: now, json } })
    const bytes = take().map(({ roster }) => Buffer.byteLength(roster))
    expect(bytes.length).toBeGreaterThan(16)
    expect(Math.max(...bytes)).toBeLessThan(800_000)
  })
})
const kind = { tenant: 't', region: 'r', tier: 'standard' as const, silenceBoundSeconds: 30 }
