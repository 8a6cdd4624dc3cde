import type { PubSub } from '@google-cloud/pubsub'
import { expect, test } from 'vitest'
import { connectRaw, createPair, startBench } from './testing.ts'

const INVALID_ARGUMENT = 3
const NOT_FOUND = 5
const ALREADY_EXISTS = 6

type Clients = { client: PubSub } & ReturnType<typeof connectRaw>

const message = (text = 'x') => ({ data: Buffer.from(text) })
const attributes = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, '']))
const publish = ({ publisher }: Clients, messages: object[]) =>
  publisher.publish({ topic: 'projects/demo-test/topics/events', messages })
const subscribe = ({ client }: Clients, options: object) => client.topic('events').createSubscription('other', options)

const refusals: [what: string, call: (clients: Clients) => Promise<unknown>, code: number, details: string][] = [
  [
    'a topic that exists',
    ({ client }) => client.createTopic('events'),
    ALREADY_EXISTS,
    'Resource already exists in the project (resource=events).',
  ],
  [
    'an unknown topic',
    ({ client }) => client.topic('nothing').getMetadata(),
    NOT_FOUND,
    'Resource not found (resource=nothing).',
  ],
  [
    'publishing to an unknown topic',
    ({ client }) => client.topic('nothing').publishMessage(message()),
    NOT_FOUND,
    'Resource not found (resource=nothing).',
  ],
  [
    'an unknown subscription',
    ({ client }) => client.subscription('nothing').getMetadata(),
    NOT_FOUND,
    'Resource not found (resource=nothing).',
  ],
  [
    'a name that is too short',
    ({ client }) => client.createTopic('ab'),
    INVALID_ARGUMENT,
    'Invalid resource name given (name=projects/demo-test/topics/ab).',
  ],
  [
    'a name that is reserved',
    ({ client }) => client.createTopic('google-topic'),
    INVALID_ARGUMENT,
    'Invalid resource name given',
  ],
  [
    'no message',
    (clients) => publish(clients, []),
    INVALID_ARGUMENT,
    'The value for message_count is too small. You passed 0 in the request, but the minimum value is 1.',
  ],
  [
    '1,001 messages',
    (clients) =>
      publish(
        clients,
        Array.from({ length: 1001 }, () => message()),
      ),
    INVALID_ARGUMENT,
    'The value for message_count is too large. You passed 1001 in the request, but the maximum value is 1000.',
  ],
  [
    'a message of nothing',
    (clients) => publish(clients, [{}]),
    INVALID_ARGUMENT,
    'One or more messages in the publish request is empty.',
  ],
  [
    'more than 10 MB',
    (clients) => publish(clients, [{ data: Buffer.alloc(10_000_000) }]),
    INVALID_ARGUMENT,
    'but the maximum value is 10000000.',
  ],
  [
    'more than the front end takes',
    (clients) => publish(clients, [{ data: Buffer.alloc(11_000_000) }]),
    INVALID_ARGUMENT,
    'Request payload size exceeds the limit: 10485760 bytes.',
  ],
  [
    '101 attributes',
    (clients) => publish(clients, [{ attributes: attributes(101) }]),
    INVALID_ARGUMENT,
    'The value for num_attributes is too large. You passed 101',
  ],
  [
    'a long attribute key',
    (clients) => publish(clients, [{ attributes: { ['k'.repeat(257)]: '' } }]),
    INVALID_ARGUMENT,
    'attribute_key_size is too large. You passed 257',
  ],
  [
    'a long attribute value',
    (clients) => publish(clients, [{ attributes: { k: 'é'.repeat(513) } }]),
    INVALID_ARGUMENT,
    'attribute_value_size is too large. You passed 1026',
  ],
  ['a reserved attribute', (clients) => publish(clients, [{ attributes: { googx: '' } }]), INVALID_ARGUMENT, 'googx'],
  [
    'a long ordering key',
    (clients) => publish(clients, [{ ...message(), orderingKey: 'k'.repeat(1025) }]),
    INVALID_ARGUMENT,
    'ordering_key_size is too large. You passed 1025',
  ],
  [
    'a short ack deadline',
    (clients) => subscribe(clients, { ackDeadlineSeconds: 9 }),
    INVALID_ARGUMENT,
    'Invalid ack deadline given (ack_deadline=9). The ack deadline must be between 10 and 600 seconds.',
  ],
  [
    'a short retention',
    (clients) => subscribe(clients, { messageRetentionDuration: { seconds: 599 } }),
    INVALID_ARGUMENT,
    'message_retention_duration',
  ],
  [
    'a filter that does not parse',
    (clients) => subscribe(clients, { filter: 'attributes' }),
    INVALID_ARGUMENT,
    'Invalid filter',
  ],
  [
    'an endpoint that is no URL',
    (clients) => subscribe(clients, { pushEndpoint: 'nowhere' }),
    INVALID_ARGUMENT,
    'Invalid push endpoint given (endpoint=nowhere).',
  ],
  [
    'an upper-case label',
    ({ client }) => client.createTopic({ name: 'other', labels: { Team: 'x' } }),
    INVALID_ARGUMENT,
    'Invalid label key given (key=Team).',
  ],
  ['65 labels', (clients) => subscribe(clients, { labels: attributes(65) }), INVALID_ARGUMENT, 'at most 64 labels'],
  [
    'a long retention of a topic',
    ({ client }) => client.createTopic({ name: 'other', messageRetentionDuration: { seconds: 31 * 86_400 + 1 } }),
    INVALID_ARGUMENT,
    'message_retention_duration',
  ],
  [
    'a key of KMS that is none',
    ({ client }) => client.createTopic({ name: 'other', kmsKeyName: 'key' }),
    INVALID_ARGUMENT,
    'Invalid KMS key name given (name=key).',
  ],
  [
    'an expiration within a day',
    (clients) => subscribe(clients, { expirationPolicy: { ttl: { seconds: 86_399 } } }),
    INVALID_ARGUMENT,
    'Invalid expiration_policy.ttl: 86399 seconds. It must be at least 86400 seconds.',
  ],
  [
    'two destinations',
    (clients) => subscribe(clients, { pushEndpoint: 'http://h/', bigqueryConfig: { table: 'p.d.t' } }),
    INVALID_ARGUMENT,
    'At most one of push_config',
  ],
  [
    'a BigQuery table that is none',
    (clients) => subscribe(clients, { bigqueryConfig: { table: 'table' } }),
    INVALID_ARGUMENT,
    'Invalid BigQuery table given (table=table).',
  ],
  [
    'a dead-letter topic that is not there',
    (clients) => subscribe(clients, { deadLetterPolicy: { deadLetterTopic: 'projects/demo-test/topics/nothing' } }),
    NOT_FOUND,
    'Resource not found (resource=nothing).',
  ],
  [
    'a page token of no page',
    ({ publisher }) => publisher.listTopics({ project: 'projects/demo-test', pageToken: '!' }),
    INVALID_ARGUMENT,
    'argument=page_token',
  ],
  [
    'too few delivery attempts',
    (clients) =>
      subscribe(clients, {
        deadLetterPolicy: { deadLetterTopic: 'projects/demo-test/topics/events', maxDeliveryAttempts: 4 },
      }),
    INVALID_ARGUMENT,
    'max_delivery_attempts is too small. You passed 4',
  ],
]

test.each(refusals)('%s is refused as production does', async (_, call, code, details) => {
  const { client, engine } = await startBench()
  await createPair(client)
  await expect(call({ client, ...connectRaw(engine) })).rejects.toMatchObject({
    code,
    details: expect.stringContaining(details) as string,
  })
})

test('pull and acknowledgement refuse what makes no sense', async () => {
  const { client, engine } = await startBench()
  await createPair(client)
  const { subscriber: api } = connectRaw(engine)
  const subscription = 'projects/demo-test/subscriptions/worker'
  const refused = (details: string) => ({ code: INVALID_ARGUMENT, details: expect.stringContaining(details) as string })
  await expect(api.pull({ subscription, maxMessages: 0 })).rejects.toMatchObject(refused('argument=max_messages'))
  await expect(api.acknowledge({ subscription, ackIds: [] })).rejects.toMatchObject(refused('not specified an ack ID'))
  await expect(api.acknowledge({ subscription, ackIds: ['x'] })).rejects.toMatchObject(refused('(ack_id=x)'))
  const modify = { subscription, ackIds: ['x'], ackDeadlineSeconds: 601 }
  await expect(api.modifyAckDeadline(modify)).rejects.toMatchObject(refused('between 0 and 600'))
})
