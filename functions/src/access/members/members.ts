import { collections, Member, type GrantableRole } from '@infinity-matrix/contracts'
import {
  commonRoles,
  grantRole,
  isNarrower,
  nameOf,
  removeRole,
  type MemberDecision,
} from '@infinity-matrix/core/access'
import type { DocumentSnapshot, Transaction } from '@google-cloud/firestore'
import { originOf } from '../../runtime/acting.ts'
import type { Context } from '../../runtime/context.ts'
import { disclose, type Disclosed } from '../../runtime/disclosures.ts'
import { recordIn, recorded, sealSoon, type Happening } from '../../runtime/ledger.ts'
import { revokeIn } from '../revoke.ts'
import type { Accounts } from './accounts.ts'

/** Whether a tenant may be left without an admin: the platform's own may do so. */
interface Leave {
  mayLeaveEmpty: boolean
}

/** An account, and the address that it was named by, if it was. */
interface Account {
  uid: string
  email?: string | undefined
}

const memberFrom = (snapshot: DocumentSnapshot): Member | undefined =>
  snapshot.exists ? Member.parse(snapshot.data()) : undefined

/** What accounts may do: the table of members, and the claims of their tokens, which follow it. */
export const createMembers = (context: Context, accounts: Accounts) => {
  const { firestore, nowMs } = context
  const members = firestore.collection(collections.members)
  const now = () => new Date(nowMs()).toISOString()
  const by = () => nameOf(originOf().actor)

  const adminsOf = async (tenant: string) => {
    // The client's module is large, and not to be loaded with the functions.
    const { FieldPath } = await import('@google-cloud/firestore')
    return {
      path: new FieldPath('roles', tenant),
      admins: members.where(new FieldPath('roles', tenant), '==', 'admin'),
    }
  }

  const list = async (tenant: string): Promise<Member[]> => {
    const { path } = await adminsOf(tenant)
    const { docs } = await members.where(path, 'in', ['viewer', 'editor', 'admin', 'service']).get()
    return docs.map((snapshot) => Member.parse(snapshot.data()))
  }

  const get = async (uid: string): Promise<Member | undefined> => memberFrom(await members.doc(uid).get())

  // The table is what counts: after any change, by whomever, tokens tell what it says.
  const mirror = async (uid: string): Promise<void> => {
    const { roles = {}, signedInFrom = 0 } = (await get(uid)) ?? {}
    await accounts.setClaims(uid, { roles, signedInFrom })
  }

  const revoke = (transaction: Transaction, uid: string): void =>
    revokeIn(context, transaction, nameOf({ kind: 'person', id: uid }), now())

  interface Change {
    uid: string
    tenant: string
    decide: (known: Member | undefined, isLastAdmin: boolean) => MemberDecision
    happening: Pick<Happening, 'action' | 'details'>
    /** What is to be told of the person, as commitments. */
    disclosed?: Disclosed | undefined
  }

  const change = async (
    { uid, tenant, decide, happening, disclosed }: Change,
    { mayLeaveEmpty }: Leave,
  ): Promise<MemberDecision> => {
    const { admins } = await adminsOf(tenant)
    // Tokens tell less first, and more only once that is so: no token outlives the role that it tells of.
    const before = await get(uid)
    const wanted = decide(before, false)
    if (before && wanted.kind === 'next' && isNarrower(before.roles, wanted.member.roles))
      await accounts.setClaims(uid, { ...before, roles: commonRoles(before.roles, wanted.member.roles) })
    try {
      return await recorded(context, async (transaction, record) => {
        const [snapshot, found] = [await transaction.get(members.doc(uid)), await transaction.get(admins.limit(2))]
        const known = memberFrom(snapshot)
        const isLastAdmin = !mayLeaveEmpty && found.docs.every(({ id }) => id === uid)
        const decision = decide(known, isLastAdmin)
        if (decision.kind !== 'next') return decision
        transaction.set(snapshot.ref, decision.member)
        if (known && isNarrower(known.roles, decision.member.roles)) revoke(transaction, uid)
        record({
          kind: 'change',
          tenant,
          subject: `${collections.members}/${uid}`,
          outcome: 'done',
          ...happening,
          ...disclosed?.fields,
        })
        disclosed?.write(transaction)
        return decision
      })
    } finally {
      await mirror(uid)
    }
  }

  /** Gives an account that exists a role. @param email the address that it was named by, if it was */
  const grant = async (
    { uid, email }: Account,
    tenant: string,
    role: GrantableRole,
    leave: Leave,
  ): Promise<MemberDecision> =>
    change(
      {
        uid,
        tenant,
        decide: (known, isLastAdmin) => grantRole(known, { uid, tenant, role, isLastAdmin }, { now: now(), by: by() }),
        happening: { action: 'role-granted', details: { role } },
        disclosed: email === undefined ? undefined : await disclose(context, { tenant, person: uid }, { email }),
      },
      leave,
    )

  /** The account with an address. That somebody learns whose it is, is recorded before they do. */
  const lookUp = async (email: string, tenant: string): Promise<string | undefined> => {
    const uid = await accounts.uidOf(email)
    if (uid === undefined) return undefined
    const disclosed = await disclose(context, { tenant, person: uid }, { email })
    const batch = firestore.batch()
    recordIn(context, batch, [
      {
        kind: 'data-access',
        action: 'account-looked-up',
        tenant,
        subject: `${collections.members}/${uid}`,
        outcome: 'done',
        ...disclosed.fields,
      },
    ])
    disclosed.write(batch)
    await batch.commit()
    await sealSoon(context)
    return uid
  }

  const remove = (uid: string, tenant: string, leave: Leave): Promise<MemberDecision> =>
    change(
      {
        uid,
        tenant,
        decide: (known, isLastAdmin) =>
          known ? removeRole(known, { tenant, isLastAdmin }, { now: now(), by: by() }) : { kind: 'unchanged' },
        happening: { action: 'role-removed', details: {} },
      },
      leave,
    )

  /**
   * Every token and every session of an account is over, and every custom token that is not used yet. Tokens tell so before
   * those that do not are revoked.
   */
  const endSessions = async (uid: string, tenant: string): Promise<void> => {
    const before = await get(uid)
    if (!before) return
    const signedInFrom = Math.floor(nowMs() / 1000)
    await accounts.setClaims(uid, { ...before, signedInFrom })
    try {
      await recorded(context, async (transaction, record) => {
        const known = memberFrom(await transaction.get(members.doc(uid)))
        if (!known) return
        transaction.update(members.doc(uid), { signedInFrom })
        revoke(transaction, uid)
        record({
          kind: 'change',
          action: 'sessions-ended',
          tenant,
          subject: `${collections.members}/${uid}`,
          outcome: 'done',
        })
      })
    } finally {
      await mirror(uid)
    }
    await accounts.endSessions(uid)
  }

  return { list, get, lookUp, grant, remove, endSessions }
}
export type Members = ReturnType<typeof createMembers>
