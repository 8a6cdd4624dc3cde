// What holds the rows of functions, whoever fires them.
import { collections } from '@infinity-matrix/contracts'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { context, type Context } from './context.ts'
import { record } from './ledger.ts'
import { onTick } from './on-tick.ts'
import { onTopic } from './on-topic.ts'
import { deliverTo, eventOf, runTick, startLocalEngines, type LocalEngines } from './testing.ts'

let engines: LocalEngines
let shared: Context

beforeAll(async () => {
  engines = await startLocalEngines('demo-as-function')
  shared = await context()
})
afterAll(async () => {
  await Promise.all([shared.firestore.terminate(), shared.pubsub.close(), shared.batches.close()])
  await engines.close()
})

const Entry = z.object({
  kind: z.string(),
  action: z.string(),
  actor: z.object({ kind: z.string(), id: z.string() }),
  subject: z.string(),
  outcome: z.string(),
  reason: z.string().nullable(),
  details: z.record(z.string(), z.unknown()),
})
const entries = async () => {
  const { docs } = await shared.firestore.collection(collections.ledgerIntake).get()
  return docs
    .flatMap((intake) => z.array(z.string()).parse(intake.get('entries')))
    .map((entry) => Entry.parse(JSON.parse(entry)))
}
beforeEach(async () => {
  const { docs } = await shared.firestore.collection(collections.ledgerIntake).get()
  await Promise.all(docs.map(({ ref }) => ref.delete()))
})

let ran = 0
const work = async () => {
  ran++
  const [tenant, subject] = ['acme', 'agents/a']
  await record(shared, [{ kind: 'automation', action: 'work-done', tenant, subject, outcome: 'done' }])
}
const onMessage = onTopic('events-onUndelivered', { maxInstances: 1, concurrency: 1 }, work)
const onTime = onTick('fleet-sweepGaps', { maxInstances: 1 }, work)
const message = { messageId: '1', publishTime: new Date().toISOString(), data: '' }

describe('a function', () => {
  it('is declared with what its row says', () => {
    expect(onMessage.__endpoint.eventTrigger?.eventFilters).toEqual({ topic: 'subscriber-undelivered' })
    expect(onTime.__endpoint.scheduleTrigger?.schedule).toBe('every 1 minutes')
  })

  it('does not load without a row, or with one that says something else', () => {
    const [noRow, topic] = ['fleet-none', 'events-onUndelivered'] as unknown as ['fleet-sweepGaps', 'fleet-sweepGaps']
    expect(() => onTick(noRow, { maxInstances: 1 }, work)).toThrow(
      'the function fleet-none has no row in packages/core/src/access/policy.ts',
    )
    expect(() => onTick(topic, { maxInstances: 1 }, work)).toThrow('is fired by topic')
  })

  it.each([
    ['a message', () => deliverTo(onMessage, message), 'events-onUndelivered'],
    ['its job', () => runTick(onTime), 'fleet-sweepGaps'],
  ])('fired by %s acts in its own name', async (_what, fire, id) => {
    const before = ran
    await fire()
    expect(ran).toBe(before + 1)
    expect(await entries()).toMatchObject([{ action: 'work-done', actor: { kind: 'control-plane', id } }])
  })

  const source = '//pubsub.googleapis.com/projects/demo-as-function/topics/fleet.sweeps'
  const type = 'google.cloud.storage.object.v1.finalized'
  const scheduleTime = new Date().toISOString()
  it.each<[string, () => Promise<unknown>, string, object]>([
    [
      'a message of another topic',
      async () => onMessage.run(eventOf('subscriber-undelivered', message, { source }) as never),
      'events-onUndelivered',
      { source },
    ],
    [
      'an event of another type',
      async () => onMessage.run(eventOf('subscriber-undelivered', message, { type }) as never),
      'events-onUndelivered',
      { type },
    ],
    [
      'what says nothing of itself',
      async () => onMessage.run({ data: { message } } as never),
      'events-onUndelivered',
      { type: '', source: '' },
    ],
    [
      "another function's job",
      async () => onTime.run({ scheduleTime, jobName: 'firebase-schedule-fleet-sweepSilent-us-central1' }),
      'fleet-sweepGaps',
      { job: 'firebase-schedule-fleet-sweepSilent-us-central1' },
    ],
    ['no job', async () => onTime.run({ scheduleTime }), 'fleet-sweepGaps', { job: '' }],
  ])('fired by %s does nothing, and leaves word of it', async (_what, fire, name, details) => {
    const before = ran
    await expect(fire()).rejects.toThrow(`${name} was fired by what its row in the policy does not name`)
    expect(ran).toBe(before)
    const refused = (await entries()).filter(({ kind }) => kind === 'authorisation')
    expect(refused).toMatchObject([
      {
        action: 'function-fired',
        actor: { kind: 'anonymous' },
        subject: `functions/${name}`,
        outcome: 'denied',
        reason: 'not-its-trigger',
        details,
      },
    ])
  })
})
