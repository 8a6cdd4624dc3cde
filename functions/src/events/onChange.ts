import { AgentsChanged, parseJson, PubSubMessage, topics } from '@infinity-matrix/contracts'
import { onMessagePublished } from 'firebase-functions/pubsub'
import { context, once, type Context } from '../runtime/context.ts'
import { createDistributor } from './subscriptions/distributor.ts'
import { createSubscriptions } from './subscriptions/subscriptions.ts'

const distributor = once((shared: Context) => createDistributor(shared, createSubscriptions(shared)))

/** Distribution: what agents did goes to those who subscribed to it. Other messages of the topic are for others. */
export const onChange = onMessagePublished(
  {
    topic: topics.realtimeSync.name,
    retry: true,
    maxInstances: 8,
    concurrency: 80,
    memory: '512MiB',
    cpu: 1,
    timeoutSeconds: 60,
  },
  async ({ data: { message } }) => {
    const shared = await context()
    const text = Buffer.from(PubSubMessage.parse(message).data, 'base64').toString('utf8')
    const json = parseJson(text)
    const changed = AgentsChanged.safeParse(json.ok ? json.value : undefined)
    if (changed.success) await distributor(shared).distribute(changed.data)
  },
)
