import { describe, expect, it } from 'vitest'
import { functionRow, isJobOf, isOfTopic } from './trigger.ts'

describe('the row of a function', () => {
  it('says what fires it', () => {
    expect(functionRow('fleet-onStateChange', 'topic')).toMatchObject({
      firedBy: 'topic',
      topic: 'agent.state-changes',
    })
    expect(functionRow('events-deliver', 'callers', 'push')).toEqual({ firedBy: 'push' })
  })

  it('must be there, and say how it is declared', () => {
    const named = (name: string) => functionRow(name as 'fleet-onStateChange', 'topic')
    expect(() => named('fleet-new')).toThrow('the function fleet-new has no row in packages/core/src/access/policy.ts')
    expect(() => named('toString')).toThrow('has no row')
    expect(() => named('fleet-sweepGaps')).toThrow(/fleet-sweepGaps is fired by schedule.*and not by topic/)
  })
})

const type = 'google.cloud.pubsub.topic.v1.messagePublished'
const source = '//pubsub.googleapis.com/projects/p/topics/agent.state-changes'

describe('what fires a function', () => {
  it.each([
    ['its topic', { type, source }, true],
    ['a topic that begins like it', { type, source: `${source}.dead` }, false],
    ['that topic of another project', { type, source: source.replace('/p/', '/q/') }, false],
    ['a file of that name', { type: 'google.cloud.storage.object.v1.finalized', source }, false],
    ['nothing that is known', { type: '', source: '' }, false],
  ])('is %s: %o is %s', (_what, event, isOwn) => {
    expect(isOfTopic(event, 'agent.state-changes', 'p')).toBe(isOwn)
  })

  it.each([
    ['firebase-schedule-ledger-seal', true],
    ['firebase-schedule-ledger-seal-us-central1', true],
    ['projects/p/locations/us-central1/jobs/firebase-schedule-ledger-seal-us-central1', true],
    ['firebase-schedule-ledger-sealTick-us-central1', false],
    ['firebase-schedule-ledger', false],
    ['', false],
  ])('is the job %s: %s', (job, isOwn) => {
    expect(isJobOf('ledger-seal', job)).toBe(isOwn)
  })
})
