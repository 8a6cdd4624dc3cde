import { collections, Passkey } from '@infinity-matrix/contracts'
import { LRUCache } from 'lru-cache'
import type { Context } from '../context.ts'

// One that is removed is no second factor any more within a minute.
const knownSeconds = 30
const passkeysMax = 10_000

/** Whether a passkey is one of an account. Such as are, are known for a while. */
export const createPasskeyCheck = ({ firestore, nowMs }: Pick<Context, 'firestore' | 'nowMs'>) => {
  const known = new LRUCache<string, { readAtMs: number; uid: string }>({ max: passkeysMax })

  return async (id: string, uid: string): Promise<boolean> => {
    // As a token tells it, it may be anything.
    if (!/^[0-9a-f]{64}$/.test(id)) return false
    const cached = known.get(id)
    if (cached && nowMs() - cached.readAtMs < knownSeconds * 1000) return cached.uid === uid
    const readAtMs = nowMs()
    const snapshot = await firestore.collection(collections.passkeys).doc(id).get()
    if (!snapshot.exists) return known.delete(id) && false
    const passkey = Passkey.parse(snapshot.data())
    known.set(id, { readAtMs, uid: passkey.uid })
    return passkey.uid === uid
  }
}
