import { v1, type Message } from '@google-cloud/pubsub'
import {
  collections,
  topics,
  type CriticalError,
  type DeadLetterDocument,
  type Rollup,
} from '@infinity-matrix/contracts'
import { foldReceipt, waitFor } from '@infinity-matrix/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { v7 as uuidv7 } from 'uuid'
import { context, type Context } from '../runtime/context.ts'
import { tellCriticalError } from '../runtime/critical-errors.ts'
import { deliverTo, startLocalEngines, type LocalEngines } from '../runtime/testing.ts'
import { onCriticalError } from './onCriticalError.ts'
import { openReceiptQueue, rollupSubscription, type ReceiptQueue } from './receipts/receipt-queue.ts'
import { createRollups } from './receipts/rollups.ts'

let engines: LocalEngines
let shared: Context
let queue: ReceiptQueue
let client: InstanceType<typeof v1.SubscriberClient>

beforeAll(async () => {
  engines = await startLocalEngines('demo-subscribers')
  shared = await context()
  queue = await openReceiptQueue(shared)
  client = new v1.SubscriberClient({ ...(await shared.pubsub.getClientConfig()) })
  // The first pull makes the subscription.
  await queue.pull(1)
})
afterAll(async () => {
  await Promise.all([queue.close(), client.close(), shared.firestore.terminate(), shared.pubsub.close()])
  await engines.close()
})

describe('the analytics pipeline', () => {
  const publishReceipts = (tenant: string, applied: readonly number[]) =>
    Promise.all(
      applied.map((count) =>
        shared.pubsub
          .topic(topics.analytics.name)
          .publishMessage({ json: foldReceipt({ tenant, applied: count, lagMs: [7] }) }),
      ),
    )
  /** All minutes of a tenant together: a test may run over the end of one. */
  const appliedOf = async (tenant: string) => {
    const { docs } = await shared.firestore.collection(collections.rollups).where('tenant', '==', tenant).get()
    return docs.reduce((sum, snapshot) => sum + (snapshot.data() as Rollup).applied, 0)
  }
  const workUntil = (tenant: string, applied: number, work: () => Promise<void>) =>
    waitFor(`${applied} applied reports of ${tenant}`, async () => {
      await work()
      return (await appliedOf(tenant)) === applied ? true : undefined
    })

  it('adds receipts up, and leaves what is no receipt alone', async () => {
    await shared.pubsub.topic(topics.analytics.name).publishMessage({ data: Buffer.from('no receipt') })
    await publishReceipts('a', [1, 2, 3])
    const { work } = createRollups(shared, queue)
    await workUntil('a', 6, () => work(5))
    expect(await queue.pull(10)).toEqual([])
  })

  it('counts each message once when the worker dies between counting and acknowledging', async () => {
    const dying: ReceiptQueue = {
      ...queue,
      // As Pub/Sub does when the deadline passes: the messages come again.
      acknowledge: async (queued) => {
        const ackIds = queued.map(({ ackId }) => ackId)
        await client.modifyAckDeadline({
          subscription: client.subscriptionPath(await client.getProjectId(), rollupSubscription),
          ackIds,
          ackDeadlineSeconds: 0,
        })
        throw new Error('killed')
      },
    }
    await publishReceipts('b', [1, 2, 3, 4])
    await waitFor('the worker to die', () =>
      createRollups(shared, dying)
        .work(5)
        .then(
          () => undefined,
          () => true,
        ),
    )
    await publishReceipts('b', [5])
    const { work } = createRollups(shared, queue)
    await workUntil('b', 15, () => work(5))
    await work(5)
    expect(await appliedOf('b')).toBe(15)
    const journal = await shared.firestore.collection(collections.rollupJournal).doc('analytics-rollup').get()
    expect(journal.get('unacknowledged')).toEqual([])
  })

  it('counts each message once however many workers are at it', async () => {
    await publishReceipts(
      'c',
      Array.from({ length: 50 }, () => 1),
    )
    const workers = [1, 2, 3].map(() => createRollups(shared, queue))
    await workUntil('c', 50, async () => {
      await Promise.all(workers.map((worker) => worker.work(5)))
    })
    expect(await queue.pull(10)).toEqual([])
  })
})

describe('alerting', () => {
  const deliver = (json: unknown, messageId = uuidv7()) => {
    const data = Buffer.from(typeof json === 'string' ? json : JSON.stringify(json)).toString('base64')
    return deliverTo(onCriticalError, { messageId, publishTime: new Date().toISOString(), data })
  }
  const failed = (subject: string): CriticalError => ({
    specversion: '1.0',
    id: uuidv7(),
    source: '//control-plane/runtime',
    type: 'control-plane.failed.v1',
    subject,
    time: new Date().toISOString(),
    data: { code: 'tick-failed', message: 'a test' },
  })
  const alertsOf = async (subject: string) => {
    const { docs } = await shared.firestore.collection(collections.alerts).where('subject', '==', subject).get()
    return docs.map((snapshot) => snapshot.data())
  }

  it('groups errors into one alert, and tells of it once', async () => {
    const topic = shared.pubsub.topic(topics.realtimeSync.name)
    await topic.create()
    const [subscription] = await topic.createSubscription('told')
    const told: Message[] = []
    subscription.on('message', (message: Message) => {
      told.push(message)
      message.ack()
    })
    const error = failed('functions/one')
    await deliver(error)
    await deliver(error)
    await Promise.all([deliver(failed('functions/one')), deliver(failed('functions/one'))])
    expect(await alertsOf('functions/one')).toMatchObject([{ count: 3, code: 'tick-failed' }])
    // A marker behind it: nothing else was told before.
    await deliver(failed('functions/marker'))
    const last = await waitFor('the marker', () =>
      told.find(({ data }) => data.toString().includes('functions/marker')),
    )
    expect(told.filter((message) => message !== last)).toHaveLength(1)
    await subscription.close()
  })

  it.each([
    ['no JSON', 'not-json', ''],
    [{ ...failed('x'), type: 'control-plane.failed.v2' }, 'unknown-version', 'type'],
    [{ ...failed('x'), type: 'agent.started.v1' }, 'unknown-type', 'type'],
    [{ ...failed('x'), data: { code: 'Not Kebab', message: 'm' } }, 'bad-data', 'data.code'],
  ])('keeps what is no critical error as a dead letter: %o', async (json, code, field) => {
    const messageId = uuidv7()
    await deliver(json, messageId)
    const letter = await shared.firestore.collection(collections.deadLetters).doc(`${messageId}-0`).get()
    expect(letter.data() as DeadLetterDocument).toMatchObject({ code, field, topic: 'error.critical' })
  })

  it('hears what the control plane tells of itself, once a minute for each failure', async () => {
    const [subscription] = await shared.pubsub
      .topic(topics.criticalErrors.name)
      .createSubscription('heard')
      .catch(async () => {
        await shared.pubsub.createTopic(topics.criticalErrors.name)
        return shared.pubsub.topic(topics.criticalErrors.name).createSubscription('heard')
      })
    const heard: Message[] = []
    subscription.on('message', (message: Message) => {
      heard.push(message)
      message.ack()
    })
    for (const subject of ['functions/a', 'functions/a', 'functions/b'])
      await tellCriticalError(shared, subject, 'tick-failed', new Error('away'))
    const told = await waitFor('two errors', () => (heard.length >= 2 ? heard : undefined))
    const events = told.map(({ data }) => JSON.parse(data.toString()) as CriticalError)
    expect(events.map(({ subject }) => subject).toSorted()).toEqual(['functions/a', 'functions/b'])
    for (const event of events) await deliver(event)
    expect(await alertsOf('functions/a')).toMatchObject([{ message: 'away', count: 1 }])
    await subscription.close()
  })
})
