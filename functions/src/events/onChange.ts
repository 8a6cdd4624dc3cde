import { AgentsChanged, parseJson } from '@infinity-matrix/contracts'
import { context, once, type Context } from '../runtime/context.ts'
import { onTopic } from '../runtime/on-topic.ts'
import { createDistributor } from './subscriptions/distributor.ts'
import { createSubscriptions } from './subscriptions/subscriptions.ts'

const distributor = once((shared: Context) => createDistributor(shared, createSubscriptions(shared)))

/** Distribution: what agents did goes to those who subscribed to it. Other messages of the topic are for others. */
export const onChange = onTopic(
  'events-onChange',
  { maxInstances: 8, concurrency: 80, memory: '512MiB', cpu: 1, timeoutSeconds: 60 },
  async ({ data }) => {
    const shared = await context()
    const text = Buffer.from(data, 'base64').toString('utf8')
    const json = parseJson(text)
    const changed = AgentsChanged.safeParse(json.ok ? json.value : undefined)
    if (changed.success) await distributor(shared).distribute(changed.data)
  },
)
