import { describe, expect, it } from 'vitest'
import type { SilenceEvent } from './cells/silence-event.ts'
import { alarmOf } from './tier.ts'

const at = '2026-01-01T00:00:00.000Z'
const silent: SilenceEvent['said'] = {
  type: 'agent.went-silent.v1',
  data: { lastHeardAt: at, silenceBoundSeconds: 30 },
}

describe('an alarm', () => {
  it('is raised when an agent of a high tier goes silent', () => {
    expect(alarmOf({ tier: 'elite', said: silent })).toBe(`an agent of tier elite was not heard since ${at}`)
    expect(alarmOf({ tier: 'mastery', said: silent })).toContain('mastery')
  })

  it('is raised of no other, nor when one is heard again', () => {
    expect(alarmOf({ tier: 'standard', said: silent })).toBeUndefined()
    expect(alarmOf({ tier: 'elite', said: { type: 'agent.heard-again.v1', data: { heardAt: at } } })).toBeUndefined()
  })
})
