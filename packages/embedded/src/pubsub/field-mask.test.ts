import { expect, test } from 'vitest'
import { connectRaw, createPair, startBench } from './testing.ts'

const topic = 'projects/demo-test/topics/events'
const subscription = 'projects/demo-test/subscriptions/worker'

const setUp = async (options: object = {}) => {
  const { client, engine } = await startBench()
  await createPair(client, options)
  const { publisher, subscriber } = connectRaw(engine)
  return {
    updateTopic: async (fields: object, ...paths: string[]) =>
      (await publisher.updateTopic({ topic: { name: topic, ...fields }, updateMask: { paths } }))[0],
    update: async (fields: object, ...paths: string[]) =>
      (
        await subscriber.updateSubscription({ subscription: { name: subscription, ...fields }, updateMask: { paths } })
      )[0],
  }
}

const refused = (details: string) => ({ code: 3, details: expect.stringContaining(details) as string })

test('an empty mask is refused', async () => {
  const { updateTopic, update } = await setUp()
  const details = (kind: string) =>
    `The update_mask in the Update${kind}Request must be set, and must contain a non-empty paths list.`
  await expect(updateTopic({ labels: {} })).rejects.toMatchObject(refused(details('Topic')))
  await expect(update({ labels: {} })).rejects.toMatchObject(refused(details('Subscription')))
})

test.each(['nothing', 'ackDeadlineSeconds', 'retry_policy.nothing', 'labels.a', '', '.', '__proto__', 'constructor'])(
  'the path %j is not known',
  async (path) => {
    const { update } = await setUp()
    await expect(update({}, path)).rejects.toMatchObject(
      refused(
        `Invalid update_mask provided in the UpdateSubscriptionRequest: '${path}' is not a known Subscription field.`,
      ),
    )
  },
)

test.each([
  'name',
  'topic',
  'filter',
  'enable_message_ordering',
  'detached',
  'state',
  'topic_message_retention_duration',
])('%s of a subscription cannot be changed', async (path) => {
  const { update } = await setUp()
  await expect(update({ ackDeadlineSeconds: 20 }, 'ack_deadline_seconds', path)).rejects.toMatchObject(
    refused(`the '${path}' field in the Subscription is not mutable.`),
  )
})

test('only what the mask names is taken', async () => {
  const { update } = await setUp({ labels: { a: 'b' } })
  const changed = await update({ ackDeadlineSeconds: 20, labels: { c: 'd' } }, 'ack_deadline_seconds')
  expect(changed).toMatchObject({ ackDeadlineSeconds: 20, labels: { a: 'b' } })
})

test('what the mask names and the update lacks is cleared, to its default where it has one', async () => {
  const { update, updateTopic } = await setUp({
    labels: { a: 'b' },
    ackDeadlineSeconds: 30,
    retryPolicy: { minimumBackoff: { seconds: 1 } },
  })
  const paths = ['labels', 'ack_deadline_seconds', 'retry_policy', 'message_retention_duration', 'expiration_policy']
  expect(await update({}, ...paths)).toMatchObject({
    labels: {},
    ackDeadlineSeconds: 10,
    retryPolicy: null,
    messageRetentionDuration: { seconds: '604800' },
    expirationPolicy: { ttl: { seconds: '2678400' } },
  })
  await updateTopic({ messageRetentionDuration: { seconds: 3600 } }, 'message_retention_duration')
  expect(await updateTopic({}, 'message_retention_duration')).toMatchObject({ messageRetentionDuration: null })
})

test('a path may go into a message', async () => {
  const { update } = await setUp({ retryPolicy: { minimumBackoff: { seconds: 1 }, maximumBackoff: { seconds: 2 } } })
  expect(
    await update({ retryPolicy: { maximumBackoff: { seconds: 60 } } }, 'retry_policy.maximum_backoff'),
  ).toMatchObject({ retryPolicy: { minimumBackoff: { seconds: '1' }, maximumBackoff: { seconds: '60' } } })
  expect(await update({}, 'retry_policy.minimum_backoff')).toMatchObject({
    retryPolicy: { minimumBackoff: { seconds: '10' }, maximumBackoff: { seconds: '60' } },
  })
  const pushEndpoint = 'http://localhost:1/'
  const pushConfig = { pushEndpoint, attributes: { 'x-goog-version': 'v1' } }
  expect(await update({ pushConfig }, 'push_config.push_endpoint')).toMatchObject({
    pushConfig: { pushEndpoint, attributes: {} },
  })
  expect(await update({}, 'push_config.push_endpoint')).toMatchObject({ pushConfig: { pushEndpoint: '' } })
})

test('a path into a message that is not there makes it', async () => {
  const { update } = await setUp()
  const changed = await update({ retryPolicy: { minimumBackoff: { seconds: 5 } } }, 'retry_policy.minimum_backoff')
  expect(changed).toMatchObject({
    retryPolicy: { minimumBackoff: { seconds: '5' }, maximumBackoff: { seconds: '600' } },
  })
  expect(await update({}, 'dead_letter_policy.max_delivery_attempts')).toMatchObject({ deadLetterPolicy: null })
})

test('an update that is refused changes nothing', async () => {
  const { update } = await setUp()
  await expect(update({ ackDeadlineSeconds: 5 }, 'ack_deadline_seconds')).rejects.toMatchObject({ code: 3 })
  await expect(update({ labels: { A: 'b' } }, 'labels')).rejects.toMatchObject({ code: 3 })
  expect(await update({ retainAckedMessages: true }, 'retain_acked_messages')).toMatchObject({
    ackDeadlineSeconds: 10,
    labels: {},
    retainAckedMessages: true,
  })
})
