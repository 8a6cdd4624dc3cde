import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { SteppedTime } from '../../clock/time-source.ts'
import { loadProtos } from '../../wire/protos.ts'
import { Broker } from '../broker.ts'
import type { Consumer, Delivery } from '../delivery.ts'
import { fromMs, type PubsubMessage, type SubscriptionResource, type TopicResource } from '../messages.ts'
import { persist } from './index.ts'

const topicName = 'projects/p/topics/t-1'
const worker = 'projects/p/subscriptions/worker'
const auditor = 'projects/p/subscriptions/auditor'
const snapshotName = 'projects/p/snapshots/before'

const root = loadProtos('pubsub')
const make = (type: string, fields: object): unknown => root.lookupType(`google.pubsub.v1.${type}`).fromObject(fields)
const topic = (fields: object = {}) => make('Topic', { name: topicName, ...fields }) as TopicResource
const subscription = (name: string, fields: object = {}) =>
  make('Subscription', { name, topic: topicName, ...fields }) as SubscriptionResource
const message = (data: string, fields: object = {}) =>
  make('PubsubMessage', { data: Buffer.from(data).toString('base64'), ...fields }) as PubsubMessage

const setUp = async ({ compactAfterBytes = 1e9 } = {}) => {
  const folder = await mkdtemp(join(tmpdir(), 'pubsub-persist-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const clock = new SteppedTime()
  let stop = async (): Promise<void> => {}
  onTestFinished(() => stop())
  /** A broker with what the one before left. */
  const start = async (): Promise<Broker> => {
    await stop()
    const broker = new Broker(clock)
    const kept = await persist(broker, { folder, root: loadProtos('pubsub'), compactAfterBytes })
    stop = async () => {
      broker.close()
      await kept.close()
    }
    return broker
  }
  return { clock, start }
}

class Taker implements Consumer {
  readonly takesKeysInBatches = true
  readonly clientId = this
  readonly leaseMs = 10_000
  readonly taken: Delivery[] = []
  hasRoom(): boolean {
    return true
  }
  deliver(delivery: Delivery): void {
    this.taken.push(delivery)
  }
  flush(): void {}
  released(): void {}
  subscriptionChanged(): void {}
  subscriptionEnded(): void {}
}

const take = (broker: Broker, name: string): Delivery[] => {
  const taker = new Taker()
  broker.subscription(name).queue.serve(taker)
  return taker.taken
}
const takeAndAcknowledge = (broker: Broker, name: string): void => {
  for (const { ackId } of take(broker, name)) broker.subscription(name).queue.acknowledge(ackId)
}
const waiting = (broker: Broker, name: string): string[] =>
  broker
    .subscription(name)
    .queue.unacknowledged()
    .map(({ wire }) => Buffer.from(wire.data).toString())

test('resources are as they were, and those deleted stay so', async () => {
  const { start } = await setUp()
  const before = await start()
  before.createTopic(topic({ labels: { a: 'b' } }))
  before.createTopic(topic({ name: 'projects/p/topics/gone' }))
  before.createSubscription(subscription(worker, { filter: 'attributes:x', ackDeadlineSeconds: 30 }))
  before.createSubscription(subscription(auditor, { topic: 'projects/p/topics/gone' }))
  before.deleteTopic('projects/p/topics/gone')
  before.schemas.create('projects/p/schemas/s-1', 1, 'syntax = "proto3"; message M { string a = 1; }')
  before.schemas.get('projects/p/schemas/s-1').commit(1, 'syntax = "proto3"; message M { string a = 1; int32 b = 2; }')
  const revisions = before.schemas.get('projects/p/schemas/s-1').revisions.map(({ resource }) => resource)

  const after = await start()
  expect(after.topicsOf('projects/p')).toMatchObject([{ name: topicName, labels: { a: 'b' } }])
  expect(after.subscription(worker).resource).toMatchObject({ filter: 'attributes:x', ackDeadlineSeconds: 30 })
  expect(after.subscription(auditor).resource.topic).toBe('_deleted-topic_')
  expect(
    after.schemas.get('projects/p/schemas/s-1').revisions.map(({ resource: { revisionId } }) => revisionId),
  ).toEqual(revisions.map(({ revisionId }) => revisionId))
  after.deleteSubscription(worker)
  after.schemas.delete('projects/p/schemas/s-1')
  const last = await start()
  expect(last.subscriptionsOf('projects/p')).toHaveLength(1)
  expect(last.schemas.list('projects/p')).toEqual([])
})

test.each([
  ['from the log', 1e9],
  ['from a snapshot of the journal', 1],
])('messages, acknowledgements, retention and snapshots survive, read %s', async (_, compactAfterBytes) => {
  const { clock, start } = await setUp({ compactAfterBytes })
  const before = await start()
  before.createTopic(topic({ messageRetentionDuration: { seconds: 86_400 } }))
  before.createSubscription(subscription(worker, { enableMessageOrdering: true }))
  before.createSubscription(subscription(auditor, { retainAckedMessages: true, filter: 'NOT attributes:secret' }))
  const startMs = clock.now()
  before.publish(topicName, [message('1'), message('2', { attributes: { secret: 'yes' } })])
  takeAndAcknowledge(before, worker)
  takeAndAcknowledge(before, auditor)
  before.publish(topicName, [message('3', { orderingKey: 'k' })])
  before.createSnapshot({ name: snapshotName, subscription: worker, labels: {} })
  before.publish(topicName, [message('4', { orderingKey: 'k', attributes: { a: 'b' } })])
  take(before, worker)

  const after = await start()
  expect(waiting(after, worker)).toEqual(['3', '4'])
  expect(waiting(after, auditor)).toEqual(['3', '4'])
  expect(take(after, worker).map((delivery) => delivery.message)).toMatchObject([
    { publishedMs: startMs, wire: { orderingKey: 'k' } },
    { publishedMs: startMs, wire: { orderingKey: 'k', attributes: { a: 'b' } } },
  ])
  takeAndAcknowledge(after, auditor)
  after.seek(auditor, { time: fromMs(startMs) })
  expect(waiting(after, auditor)).toEqual(['1', '3', '4'])
  after.seek(worker, { time: fromMs(startMs + 1e9) })
  expect(waiting(after, worker)).toEqual([])
  after.publish(topicName, [message('5')])

  const last = await start()
  expect(waiting(last, worker)).toEqual(['5'])
  expect(waiting(last, auditor)).toEqual(['1', '3', '4', '5'])
  last.seek(worker, { snapshot: snapshotName })
  expect(waiting(last, worker)).toEqual(['3', '4', '5'])
  last.seek(worker, { time: fromMs(startMs) })
  expect(waiting(last, worker)).toEqual(['1', '2', '3', '4', '5'])
})

test('what makes a compaction due is part of what the journal is compacted to', async () => {
  const { start } = await setUp({ compactAfterBytes: 1 })
  const first = await start()
  first.createTopic(topic())
  first.createSubscription(subscription(worker))
  const second = await start()
  second.publish(topicName, [message('1')])
  // The compaction begins when the turn of the event loop is over; stopping waits for its end.
  await nextTurn()
  const third = await start()
  expect(waiting(third, worker)).toEqual(['1'])
  takeAndAcknowledge(third, worker)
  await nextTurn()
  expect(waiting(await start(), worker)).toEqual([])
})

test('message ids are never given twice, even when no message is left', async () => {
  const { start } = await setUp({ compactAfterBytes: 1 })
  const ids: string[] = []
  for (let run = 0; run < 3; run++) {
    const broker = await start()
    if (run === 0) broker.createTopic(topic())
    ids.push(...broker.publish(topicName, [message('x')]), ...broker.publish(topicName, [message('y')]))
  }
  expect(new Set(ids).size).toBe(6)
})

test('tokens are signed with the same key as before', async () => {
  const { start } = await setUp()
  const first = await (await start()).idTokens.jwks()
  expect(await (await start()).idTokens.jwks()).toEqual(first)
})
