import { PubSub, v1, type Message, type Subscription, type SubscriptionOptions, type Topic } from '@google-cloud/pubsub'
import { credentials } from '@grpc/grpc-js'
import { onTestFinished } from 'vitest'
import type { TimeSource } from '../clock/time-source.ts'
import { startPubSubEngine, type PubSubEngine, type PubSubEngineOptions } from './engine.ts'

// Otherwise Google's client looks for the metadata server of a cloud machine, for seconds.
process.env['METADATA_SERVER_DETECTION'] = 'none'

export interface Bench {
  engine: PubSubEngine
  client: PubSub
}

/** An engine on a free port and Google's client for it, both stopped when the test is over. */
export const startBench = async (clock?: TimeSource, options: PubSubEngineOptions = {}): Promise<Bench> => {
  const engine = await startPubSubEngine({ ...options, ...(clock && { clock }) })
  const client = connect(engine)
  onTestFinished(async () => {
    await client.close()
    await engine.close()
  })
  return { engine, client }
}

export const connect = (engine: PubSubEngine): PubSub =>
  new PubSub({ projectId: 'demo-test', emulatorMode: true, apiEndpoint: `${engine.host}:${engine.port}` })

/** Google's generated clients, which send requests as they are given. Closed when the test is over. */
export const connectRaw = (
  engine: PubSubEngine,
): { publisher: v1.PublisherClient; subscriber: v1.SubscriberClient; schemas: v1.SchemaServiceClient } => {
  const options = { servicePath: engine.host, port: engine.port, sslCreds: credentials.createInsecure() }
  const publisher = new v1.PublisherClient(options)
  const subscriber = new v1.SubscriberClient(options)
  const schemas = new v1.SchemaServiceClient(options)
  onTestFinished(async () => {
    await Promise.all([publisher.close(), subscriber.close(), schemas.close()])
  })
  return { publisher, subscriber, schemas }
}

/** A topic with one subscription. */
export const createPair = async (
  client: PubSub,
  options: Parameters<Topic['createSubscription']>[1] = {},
): Promise<{ topic: Topic; subscription: Subscription }> => {
  const [topic] = await client.createTopic('events')
  const [subscription] = await topic.createSubscription('worker', options as object)
  return { topic, subscription }
}

/** Resolves with the first `count` messages that the subscription gets, in order of arrival; does not acknowledge. */
export const receive = (
  subscription: Subscription,
  count: number,
  onMessage: (message: Message) => void = () => {},
): Promise<Message[]> =>
  new Promise((resolve, reject) => {
    const messages: Message[] = []
    subscription.on('error', reject)
    subscription.on('message', (message: Message) => {
      messages.push(message)
      onMessage(message)
      if (messages.length === count) resolve(messages)
    })
  })

export type { Message, SubscriptionOptions }

/** Publishes '0', '1', ... */
export const publishNumbers = async (topic: Topic, count: number): Promise<void> => {
  await Promise.all(
    Array.from({ length: count }, (_, index) => topic.publishMessage({ data: Buffer.from(String(index)) })),
  )
}
