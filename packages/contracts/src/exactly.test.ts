import { history, observationJson, reportJson } from '@infinity-matrix/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { Envelope, exactly, observations, reports } from './index.ts'

const guards = new Map<z.ZodType, (input: unknown) => boolean>()
/** Says yes only where the schema gives back an equal value. */
const agrees = (schema: z.ZodType, input: unknown) => {
  const guard = guards.get(schema) ?? exactly(schema)
  guards.set(schema, guard)
  if (!guard(input)) return false
  expect(schema.safeParse(input)).toEqual({ success: true, data: input })
  return true
}

/** JSON with one thing changed anywhere in it: taken away, replaced, or added. */
const disturbed = (json: unknown): fc.Arbitrary<unknown> => {
  if (typeof json !== 'object' || json === null) return fc.jsonValue({ maxDepth: 1 })
  const entries = Object.entries(json)
  const rebuilt = (changed: [string, unknown][]) =>
    Array.isArray(json) ? changed.map(([, v]) => v) : Object.fromEntries(changed)
  const added = fc
    .tuple(
      fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'toString')),
      fc.jsonValue({ maxDepth: 1 }),
    )
    .map((entry) => rebuilt([...entries, entry]))
  const nearby = fc.constantFrom(
    '',
    ' ',
    -1,
    0,
    0.5,
    1e308,
    'ä',
    '2026-02-30T00:00:00Z',
    '1969-12-31T23:59:59Z',
    '10000-01-01T00:00:00Z',
    '9999-12-31T23:59:59-01:00',
    '__x',
    [],
    {},
    null,
    true,
    'x'.repeat(300),
  )
  const changed = fc.nat(Math.max(0, entries.length - 1)).chain((at) =>
    fc.oneof(
      fc.constant(rebuilt(entries.filter((_, index) => index !== at))),
      fc
        .oneof(nearby, disturbed(entries[at]?.[1]))
        .map((value) => rebuilt(entries.map(([name, old], index) => [name, index === at ? value : old]))),
    ),
  )
  return entries.length === 0 ? added : fc.oneof(changed, changed, added)
}

const known: Record<string, z.ZodType> = { ...reports, ...observations }
interface Json {
  type: string
  data: unknown
}
const events: fc.Arbitrary<Json> = fc.oneof(
  history({ lengthMax: 6 }).chain((all: Json[]) => fc.constantFrom(...all)),
  fc.constantFrom(
    observationJson('agent.heartbeat.v1', { silenceBoundSeconds: 30, cpuPercent: 3 }),
    reportJson('agent.snapshot.v1', 2, {
      state: {
        status: 'new',
        usage: { steps: 1, costUsd: 0.5, tokensIn: 0, tokensOut: 0, observationBytes: 0, toolCalls: { a: 1 } },
      },
      properties: { nested: { list: [1, 'two', null] } },
    }),
  ),
)

describe('a guard made from a schema', { timeout: 60_000 }, () => {
  it('knows every event that is as its schema says', () => {
    fc.assert(
      fc.property(events, (event) => {
        expect(agrees(Envelope, event)).toBe(true)
        expect(agrees(known[event.type] ?? z.never(), event.data)).toBe(true)
      }),
    )
  })

  it('never says yes where the schema says no, or changes something', () => {
    fc.assert(
      fc.property(
        events.chain((event) =>
          fc.record({ event: disturbed(event), data: disturbed(event.data), type: fc.constant(event.type) }),
        ),
        ({ event, data, type }) => {
          agrees(Envelope, event)
          agrees(known[type] ?? z.never(), data)
        },
      ),
      { numRuns: 500 },
    )
  })

  it.each([
    ['a transform', z.object({ a: z.string().transform((text) => text.length) }), { a: 'x' }],
    ['an overwrite', z.string().trim(), ' x '],
    ['a coercion', z.coerce.number(), 1],
    ['a catchall', z.looseObject({ a: z.string() }), { a: 'x' }],
    ['a pattern with a memory', z.string().regex(/x/g), 'x'],
  ])('leaves %s to the schema', (_what, schema, input) => {
    expect(exactly(schema as z.ZodType)(input)).toBe(false)
  })
})
