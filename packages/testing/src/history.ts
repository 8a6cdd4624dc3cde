import fc from 'fast-check'
import type { AgentReport } from '@infinity-matrix/contracts'
import { reportJson, type EventOverrides } from './event-builder.ts'

type Json = ReturnType<typeof reportJson>
type Step = {
  [Type in AgentReport['type']]: { type: Type; data: Extract<AgentReport, { type: Type }>['data'] }
}[AgentReport['type']]

const started: Step = { type: 'agent.started.v1', data: { kind: 'worker' } }

const later: fc.Arbitrary<Step> = fc.oneof(
  fc.constant(started),
  fc.record({
    type: fc.constant('agent.step-taken.v1' as const),
    data: fc.record(
      {
        step: fc.constantFrom('thought' as const, 'acted' as const, 'observed' as const),
        tool: fc.constantFrom('search', 'edit', 'run'),
        observationBytes: fc.nat(10_000),
        // Quarters add up exactly in any order.
        costUsd: fc.nat(8).map((quarters) => quarters / 4),
      },
      { requiredKeys: ['step'] },
    ),
  }),
  fc.record({
    type: fc.constant('agent.status-changed.v1' as const),
    data: fc.record({ status: fc.constantFrom('running' as const, 'waiting' as const, 'draining' as const) }),
  }),
  fc.record({
    type: fc.constant('agent.properties-reported.v1' as const),
    data: fc.record({ properties: fc.dictionary(fc.constantFrom('a', 'b'), fc.constantFrom(null, 1, 2)) }),
  }),
  fc.record({
    type: fc.constant('agent.finished.v2' as const),
    data: fc.record({ outcome: fc.constantFrom('success' as const, 'failure' as const) }),
  }),
)

/**
 * Reports of one agent in the order it made them: it starts, then does anything, legal or not (a step after the end is a
 * refusal, and takes its place in the sequence all the same).
 */
export const history = ({
  lengthMax,
  overrides = {},
}: {
  lengthMax: number
  overrides?: EventOverrides
}): fc.Arbitrary<Json[]> =>
  fc
    .array(later, { maxLength: lengthMax - 1 })
    .map((rest) => [started, ...rest].map(({ type, data }, index) => reportJson(type, index + 1, data, overrides)))

/** The same items, some of them several times, in any order. */
export const troubled = <T>(items: readonly T[]): fc.Arbitrary<T[]> =>
  fc
    .array(fc.nat(Math.max(0, items.length - 1)), { maxLength: items.length })
    .map((again) => [...items, ...again.flatMap((index) => items.slice(index, index + 1))])
    .chain((all) => fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length }))

/** Every order of a few items. */
export const permutations = <T>(items: readonly T[]): T[][] =>
  items.length <= 1
    ? [[...items]]
    : items.flatMap((item, index) =>
        permutations([...items.slice(0, index), ...items.slice(index + 1)]).map((rest) => [item, ...rest]),
      )
