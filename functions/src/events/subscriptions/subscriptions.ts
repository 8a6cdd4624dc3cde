import {
  collections,
  SubscribedTenants,
  SubscriptionDocument,
  subscriptionsKnownSeconds,
  subscriptionStartSeconds,
  type SubscriptionChange,
  type SubscriptionDefinition,
} from '@infinity-matrix/contracts'
import type { DocumentSnapshot, Transaction } from '@google-cloud/firestore'
import type { Context } from '../../runtime/context.ts'
import { recorded, type Happening } from '../../runtime/ledger.ts'
import { protection } from '../../runtime/protection.ts'
import { deleteQueue, makeQueue } from './endpoint-queue.ts'

/** Subscriptions in Firestore, and which tenants have any. */
export const createSubscriptions = (context: Context) => {
  const { firestore, nowMs, newId } = context
  const subscriptions = firestore.collection(collections.subscriptions)
  const tenants = firestore.collection(collections.subscribedTenants).doc('all')
  const instant = (ms: number) => new Date(ms).toISOString()

  const changeOf = ({ id, tenant, status, version }: SubscriptionDocument, action: string): Happening => ({
    kind: 'change',
    action,
    tenant,
    subject: `${collections.subscriptions}/${id}`,
    outcome: 'done',
    details: { status, version },
  })

  // An endpoint's URL is sealed: it often holds a secret.
  const { seal, open } = protection(context)
  const placeOf = (id: string, tenant: string) => ({ collection: 'subscriptions', id, tenant }) as const
  const sealed = (subscription: SubscriptionDocument) =>
    seal(placeOf(subscription.id, subscription.tenant), subscription)
  const opened = async (snapshot: DocumentSnapshot): Promise<SubscriptionDocument> =>
    SubscriptionDocument.parse(await open(placeOf(snapshot.id, String(snapshot.get('tenant'))), snapshot.data() ?? {}))

  const list = async (tenant: string): Promise<SubscriptionDocument[]> => {
    const { docs } = await subscriptions.where('tenant', '==', tenant).get()
    return Promise.all(docs.map(opened))
  }

  const get = async (id: string): Promise<SubscriptionDocument | undefined> => {
    const snapshot = await subscriptions.doc(id).get()
    return snapshot.exists ? opened(snapshot) : undefined
  }

  // The first active subscription of a tenant begins what instances tell of it, and the last one ends it.
  const noteTenant = async (transaction: Transaction, changed: SubscriptionDocument): Promise<() => void> => {
    const [known, active] = [
      await transaction.get(tenants),
      await transaction.get(subscriptions.where('tenant', '==', changed.tenant).where('status', '==', 'active')),
    ]
    const since = known.exists ? SubscribedTenants.parse(known.data()).since : {}
    const isActive = changed.status === 'active' || active.docs.some(({ id }) => id !== changed.id)
    if (isActive === Object.hasOwn(since, changed.tenant)) return () => undefined
    const { [changed.tenant]: _, ...others } = since
    const next = isActive ? { ...others, [changed.tenant]: changed.activeFrom } : others
    return () => transaction.set(tenants, { since: next })
  }

  const create = async (definition: SubscriptionDefinition): Promise<SubscriptionDocument> => {
    const now = instant(nowMs())
    const subscription: SubscriptionDocument = {
      id: newId(),
      ...definition,
      status: 'active',
      disabled: null,
      version: 1,
      activeFrom: instant(nowMs() + subscriptionStartSeconds * 1000),
      createdAt: now,
      updatedAt: now,
      failures: 0,
      lastFailure: null,
    }
    // The queue first: a crash leaves a queue that nobody fills, and which Pub/Sub forgets.
    await makeQueue(context, subscription)
    const stored = await sealed(subscription)
    await recorded(context, async (transaction, record) => {
      const note = await noteTenant(transaction, subscription)
      transaction.create(subscriptions.doc(subscription.id), stored)
      note()
      record(changeOf(subscription, 'subscription-created'))
    })
    return subscription
  }

  const store = (id: string, action: string, next: (subscription: SubscriptionDocument) => SubscriptionDocument) =>
    recorded(context, async (transaction, record) => {
      const snapshot = await transaction.get(subscriptions.doc(id))
      if (!snapshot.exists) return undefined
      const before = await opened(snapshot)
      const after = { ...next(before), updatedAt: instant(nowMs()) }
      const stored = await sealed(after)
      const note = await noteTenant(transaction, after)
      transaction.set(snapshot.ref, stored)
      note()
      record(changeOf(after, action))
      return after
    })

  const withStatus = (
    subscription: SubscriptionDocument,
    status: SubscriptionDocument['status'],
  ): SubscriptionDocument =>
    subscription.status === status
      ? subscription
      : {
          ...subscription,
          status,
          disabled: null,
          ...(status === 'active' && { activeFrom: instant(nowMs() + subscriptionStartSeconds * 1000) }),
        }

  const update = (id: string, { filter, projection, order, status }: SubscriptionChange) =>
    store(id, 'subscription-updated', (subscription) => ({
      ...withStatus(subscription, status ?? subscription.status),
      filter: filter ?? subscription.filter,
      // Firestore takes no undefined.
      ...(projection !== undefined && { projection }),
      order: order ?? subscription.order,
      version: subscription.version + 1,
    }))

  const pause = (id: string) => store(id, 'subscription-paused', (subscription) => withStatus(subscription, 'paused'))

  const resume = (id: string) => store(id, 'subscription-resumed', (subscription) => withStatus(subscription, 'active'))

  /** Its endpoint is gone: nothing more is sent there until its owner resumes it. */
  const disable = async (id: string, reason: string): Promise<void> => {
    // Whatever was under way says so, too.
    if ((await get(id))?.status === 'disabled') return
    await store(id, 'subscription-disabled', (subscription) => ({
      ...withStatus(subscription, 'disabled'),
      disabled: subscription.disabled ?? { reason, at: instant(nowMs()) },
    }))
  }

  const remove = async (id: string): Promise<SubscriptionDocument | undefined> => {
    const removed = await pause(id)
    if (!removed) return undefined
    await deleteQueue(context, removed)
    await recorded(context, (transaction, record) => {
      transaction.delete(subscriptions.doc(id))
      record(changeOf(removed, 'subscription-removed'))
    })
    return removed
  }

  /** Notes that events were not delivered because an expression or the target failed. */
  const noteFailures = async (id: string, count: number, message: string, eventId: string): Promise<void> => {
    // The client's module is large, and loaded only where it is needed.
    const { FieldValue } = await import('@google-cloud/firestore')
    const lastFailure = { message: message.slice(0, 500), eventId, at: instant(nowMs()) }
    await subscriptions.doc(id).update({ failures: FieldValue.increment(count), lastFailure })
  }

  return { list, get, create, update, pause, resume, disable, remove, noteFailures }
}

export type Subscriptions = ReturnType<typeof createSubscriptions>

/** The active subscriptions of a tenant as an instance knows them, at most 10 seconds old. */
export const cacheSubscriptions = ({ list }: Pick<Subscriptions, 'list'>, nowMs: () => number) => {
  const known = new Map<string, { readAtMs: number; active: Promise<SubscriptionDocument[]> }>()
  return (tenant: string): Promise<SubscriptionDocument[]> => {
    const cached = known.get(tenant)
    if (cached && nowMs() - cached.readAtMs < subscriptionsKnownSeconds * 1000) return cached.active
    const active = list(tenant).then((all) => all.filter(({ status }) => status === 'active'))
    active.catch(() => known.delete(tenant))
    known.set(tenant, { readAtMs: nowMs(), active })
    return active
  }
}
