import { ChannelDocument, collections } from '@infinity-matrix/contracts'
import { giveUpMissing as decide, missingSecondsMax } from '@infinity-matrix/core/events'
import { log } from '../runtime/log.ts'
import { onTick } from '../runtime/on-tick.ts'
import { each } from './documents.ts'
import { createDelivery } from './subscriptions/delivery.ts'
import { createDistributor } from './subscriptions/distributor.ts'
import { createSubscriptions } from './subscriptions/subscriptions.ts'

/** Lets reports go on whose predecessor was never published, after a quarter of an hour; seldom, and told in the log. */
export const giveUpMissing = onTick(
  'events-giveUpMissing',
  { maxInstances: 1, timeoutSeconds: 120, memory: '256MiB' },
  async (context) => {
    const { firestore, nowMs } = context
    const subscriptions = createSubscriptions(context)
    const { throughChannel, activeOf } = createDistributor(context, subscriptions)
    const { deliver } = createDelivery(context, subscriptions)
    for await (const snapshot of each(firestore.collection(collections.channels).where('isWaiting', '==', true))) {
      const { tenant, waitingSince, next } = ChannelDocument.parse(snapshot.data())
      if (waitingSince === null || nowMs() - Date.parse(waitingSince) < missingSecondsMax * 1000) continue
      log.warn('a report was never published, and is not waited for any longer', { agentId: snapshot.id, next })
      const active = await activeOf(tenant)
      await throughChannel(
        snapshot.id,
        (known) => decide(known ?? ChannelDocument.parse(snapshot.data()), new Date(nowMs()).toISOString()),
        (told) => deliver(active, snapshot.id, told),
      )
    }
  },
)
