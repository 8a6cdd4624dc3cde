import { beforeAll, describe, expect, it } from 'vitest'
import { loadCompile, type Compile } from './expression.ts'

let compile: Compile
beforeAll(async () => {
  compile = await loadCompile(undefined)
})

const event = { type: 'agent.finished.v2', sequence: 7, tier: 'elite', data: { outcome: 'failure', costUsd: 3 } }
const state = {
  status: 'failed',
  usage: { steps: 12, costUsd: 6.25, toolCalls: { search: 3 } },
  run: { labels: { team: 'a' } },
}
const evaluated = (text: string, of: object = event) => {
  const compiled = compile(text)
  return compiled.ok ? compiled.evaluate({ event: of, state }) : compiled
}

describe('an expression', () => {
  it.each([
    ['event.type == "agent.finished.v2" && state.usage.costUsd > 5', true],
    ['event.sequence == 7 && event.data.costUsd < 3.5', true],
    ['"search" in state.usage.toolCalls && has(state.run.labels.team)', true],
    ['state.usage.toolCalls.exists(tool, tool == "edit")', false],
    ['event.type.matches("^agent\\\\.(finished|started)")', true],
    ['{"cost": state.usage.costUsd, "of": [event.tier, 1]}', { cost: 6.25, of: ['elite', 1] }],
  ])('comes to its value: %s', (text, value) => {
    expect(evaluated(text)).toEqual({ ok: true, value })
  })

  it.each([
    ['event.', /must be CEL/],
    ['evnt.type == "x"', /must not name evnt/],
    ['[1].all(x, [2].all(y, x == y))', /loop/],
    [Array.from({ length: 200 }, () => '1 == 1').join(' && '), /at most 300/],
  ])('is refused with a rule: %s', (text, rule) => {
    expect(compile(text)).toMatchObject({ ok: false, rule: expect.stringMatching(rule) })
  })

  it.each([
    ['state.nothing == 1', 'field not found: nothing'],
    ['event.type + 1 == ""', 'found no matching overload'],
    ['timestamp("2026-01-01T00:00:00Z")', 'must come to what JSON can hold'],
  ])('that fails says so, and is not just false: %s', (text, message) => {
    expect(evaluated(text)).toMatchObject({ ok: false, message: expect.stringContaining(message) })
  })

  it.each([
    ['bool(event.data.task)'],
    ['int(event.data.task) > 1'],
    ['timestamp(event.data.task) == timestamp(event.data.task)'],
    ['state.usage.toolCalls[event.data.task] > 1.0'],
    ['{event.data.task: 1, event.data.task: 2}'],
  ])('that fails on a value does not say which: %s', (text) => {
    const failed = evaluated(text, { ...event, data: { task: 'a secret' } })
    expect(failed).toEqual({ ok: false, message: 'fails on a value that it meets' })
  })

  it('takes no more than linear time for a hostile regular expression', () => {
    const hostile = { ...event, tier: `${'a'.repeat(5000)}!` }
    expect(evaluated('event.tier.matches("^(a+)+$")', hostile)).toEqual({ ok: true, value: false })
  })
})
