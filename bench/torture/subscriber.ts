import type { Delivered, SubscribedTenants, SubscriptionDocument } from '@infinity-matrix/contracts'
import { collections } from '@infinity-matrix/contracts'
import type { Platform } from '../platform/platform.ts'
import { listen } from './listeners.ts'

/** A subscriber to all that a tenant's agents report, and what it hears. */
export interface Subscriber {
  tenant: string
  /** Ids of reports in the order in which they first came. */
  heard: ReadonlySet<string>
  close: () => Promise<void>
}

const topic = 'torture-subscriber'

/** Subscribes as if that were long ago: before the first process starts, so that none can have older knowledge. */
export const subscribe = async ({ firestore, pubsub }: Platform, tenant: string): Promise<Subscriber> => {
  const heard = new Set<string>()
  const hear = (data: Buffer) => {
    const { id, sequence } = JSON.parse(data.toString('utf8')) as Delivered
    // Observations have no place in the order.
    if (sequence !== null) heard.add(id)
  }
  const { close } = await listen(pubsub, topic, ({ data }) => hear(data), { enableMessageOrdering: true })
  const longAgo = new Date(Date.now() - 3_600_000).toISOString()
  const subscription: SubscriptionDocument = {
    id: topic,
    tenant,
    filter: 'true',
    target: { kind: 'topic', topic },
    order: 'agent',
    retry: { attemptsMax: 100, hoursMax: 24, backoffSecondsMin: 1, backoffSecondsMax: 600 },
    status: 'active',
    disabled: null,
    version: 1,
    activeFrom: longAgo,
    createdAt: longAgo,
    updatedAt: longAgo,
    failures: 0,
    lastFailure: null,
  }
  const tenants: SubscribedTenants = { since: { [tenant]: longAgo } }
  await firestore.collection(collections.subscriptions).doc(topic).create(subscription)
  await firestore.collection(collections.subscribedTenants).doc('all').create(tenants)
  return { tenant, heard, close }
}
