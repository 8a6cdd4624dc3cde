import { collections, Passkey, platformTenant } from '@infinity-matrix/contracts'
import { isCounterGood, mayAddPasskey, passkeysMax, type Decision, type Principal } from '@infinity-matrix/core/access'
import type { Context } from '../../runtime/context.ts'
import { recorded, type Happening } from '../../runtime/ledger.ts'
import type { NewPasskey } from './ceremonies.ts'

export type Addition =
  | { kind: 'added'; passkey: Passkey }
  | { kind: 'refused'; decision: Decision }
  | { kind: 'known' }
  | { kind: 'too-many' }

/** What the ledger has of a passkey. */
export const passkeySubject = (id: string) => ({ tenant: platformTenant, subject: `${collections.passkeys}/${id}` })

/** Passkeys of accounts. */
export const createPasskeys = (context: Context) => {
  const { firestore, nowMs } = context
  const passkeys = firestore.collection(collections.passkeys)
  const ofAccount = (uid: string) => passkeys.where('uid', '==', uid)
  const now = () => new Date(nowMs()).toISOString()

  const happeningOf = (kind: Happening['kind'], action: string, { id, aaguid, isBackedUp }: Passkey): Happening => ({
    kind,
    action,
    ...passkeySubject(id),
    outcome: 'done',
    details: { aaguid, isBackedUp },
  })

  const list = async (uid: string): Promise<Passkey[]> => {
    const { docs } = await ofAccount(uid).get()
    return docs
      .map((snapshot) => Passkey.parse(snapshot.data()))
      .toSorted((a, b) => (a.createdAt < b.createdAt ? -1 : 1))
  }

  /** @returns undefined where the account has no such passkey */
  const get = async (id: string, uid: string): Promise<Passkey | undefined> => {
    const snapshot = await passkeys.doc(id).get()
    const passkey = snapshot.exists ? Passkey.parse(snapshot.data()) : undefined
    return passkey?.uid === uid ? passkey : undefined
  }

  /** Adds a passkey to the account of who asks, if they still may: another one may have come in the meantime. */
  const add = (principal: Principal, name: string, shown: NewPasskey): Promise<Addition> =>
    recorded(context, async (transaction, record) => {
      const known = await transaction.get(ofAccount(principal.id))
      const existing = await transaction.get(passkeys.doc(shown.id))
      const decision = mayAddPasskey(principal, known.size, Math.floor(nowMs() / 1000))
      if (!decision.isAllowed) return { kind: 'refused', decision }
      if (existing.exists) return { kind: 'known' }
      if (known.size >= passkeysMax) return { kind: 'too-many' }
      const passkey: Passkey = { ...shown, uid: principal.id, name, createdAt: now(), lastUsedAt: null }
      transaction.create(existing.ref, passkey)
      record(happeningOf('change', 'passkey-registered', passkey))
      return { kind: 'added', passkey }
    })

  /** Notes that a passkey was shown, unless it was removed or counted as far in the meantime. */
  const use = (id: string, counter: number): Promise<'used' | 'gone' | 'counted'> =>
    recorded(context, async (transaction, record) => {
      const snapshot = await transaction.get(passkeys.doc(id))
      if (!snapshot.exists) return 'gone'
      const passkey = Passkey.parse(snapshot.data())
      if (!isCounterGood(passkey.counter, counter)) return 'counted'
      transaction.update(snapshot.ref, { counter, lastUsedAt: now() })
      record({ ...happeningOf('authentication', 'passkey-shown', passkey), outcome: 'allowed' })
      return 'used'
    })

  const remove = (id: string, uid: string): Promise<Passkey | undefined> =>
    recorded(context, async (transaction, record) => {
      const snapshot = await transaction.get(passkeys.doc(id))
      const passkey = snapshot.exists ? Passkey.parse(snapshot.data()) : undefined
      if (passkey?.uid !== uid) return undefined
      transaction.delete(snapshot.ref)
      record(happeningOf('change', 'passkey-removed', passkey))
      return passkey
    })

  return { list, get, add, use, remove }
}
