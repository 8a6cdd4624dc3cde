import { collections, SubscribedTenants, subscriptionsKnownSeconds } from '@infinity-matrix/contracts'
import { once, type Context } from './context.ts'

/**
 * Since when each tenant has active subscriptions, as this instance knows it: at most 10 seconds old. One read of one
 * document in that time, whatever passes.
 */
export const createSubscribedTenants = ({ firestore, nowMs }: Context) => {
  const document = firestore.collection(collections.subscribedTenants).doc('all')
  let readAtMs = -Infinity
  let reading: Promise<SubscribedTenants['since']> = Promise.resolve({})

  const read = async () => {
    const snapshot = await document.get()
    return snapshot.exists ? SubscribedTenants.parse(snapshot.data()).since : {}
  }
  return (): Promise<SubscribedTenants['since']> => {
    if (nowMs() - readAtMs >= subscriptionsKnownSeconds * 1000) {
      readAtMs = nowMs()
      reading = read()
      // Whoever waits hears of it; the next one reads anew.
      reading.catch(() => {
        readAtMs = -Infinity
      })
    }
    return reading
  }
}

/** As this instance knows it. */
export const subscribedTenants = once(createSubscribedTenants)
