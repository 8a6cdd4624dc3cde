import {
  agentStatuses,
  collections,
  tiers,
  type AgentFilter,
  type CountsDocument,
  type CountShard,
} from '@infinity-matrix/contracts'
import { countGroups, minuteOf, reconcileCounts, type Counts } from '@infinity-matrix/core/fleet'
import type { Firestore } from '@google-cloud/firestore'
import { z } from 'zod'
import type { Context } from '../../runtime/context.ts'
import type { HeldLease, Leases } from '../../runtime/lease.ts'
import { log } from '../../runtime/log.ts'
import { agentsMatching } from '../agents.ts'
import { countsReference, readCounts, shardReferences } from './counts.ts'

// By then what was written has been counted, but for what never will be.
const settleMs = 60_000

/** The next value of a field after one, over all agents: one read, by the index of that field. */
const nextValue = async (
  firestore: Firestore,
  field: 'tenant' | 'region',
  after: string,
): Promise<string | undefined> => {
  const sorted = firestore.collection(collections.agents).orderBy(field).startAfter(after).limit(1).select(field)
  const [next] = (await sorted.get()).docs
  return next ? z.string().parse(next.get(field)) : undefined
}

/** Every tenant, or every region, that has an agent. */
export async function* valuesOf(firestore: Firestore, field: 'tenant' | 'region', after = ''): AsyncGenerator<string> {
  for (let value = after; ;) {
    const next = await nextValue(firestore, field, value)
    if (next === undefined) return
    yield next
    value = next
  }
}

/**
 * Agents of a tenant by group, as they were at the start of a minute: a read for each 1,000 entries of the indexes, whose
 * documents are not looked at.
 */
const countExactly = async (
  firestore: Firestore,
  tenant: string,
  regions: readonly string[],
  minute: number,
): Promise<Counts> => {
  const groups: [string, AgentFilter][] = [
    [countGroups.total, { tenant }],
    ...regions.map((region): [string, AgentFilter] => [countGroups.region(region), { tenant, region }]),
    ...tiers.map((tier): [string, AgentFilter] => [countGroups.tier(tier), { tenant, tier }]),
    ...agentStatuses.map((status): [string, AgentFilter] => [countGroups.status(status), { tenant, status }]),
  ]
  // The last moment before the minute: what is written at its very start belongs to it.
  const { Timestamp } = await import('@google-cloud/firestore')
  const readTime = new Timestamp(minute * 60 - 1, 999_999_000)
  const queries = await Promise.all(groups.map(([, filter]) => agentsMatching(firestore, filter)))
  const counted = await firestore.runTransaction(
    (transaction) => Promise.all(queries.map((query) => transaction.get(query.count()))),
    { readOnly: true, readTime },
  )
  return Object.fromEntries(groups.map(([group], index) => [group, counted[index]?.data().count ?? 0]))
}

/** Compares one tenant's counters with its agents, sets them right, and tells by how much they were wrong. */
export const reconcileTenant = async (
  { firestore }: Pick<Context, 'firestore'>,
  leases: Leases,
  held: HeldLease,
  tenant: string,
  regions: readonly string[],
): Promise<CountsDocument | undefined> => {
  const { counted, shards, readAtMs } = await readCounts(firestore, tenant)
  const minute = minuteOf(readAtMs - settleMs)
  if (counted && counted.minute >= minute) return undefined
  const exact = await countExactly(firestore, tenant, regions, minute)
  const reconciled = reconcileCounts(counted, shards, exact, minute)
  await leases.commit(held, (transaction) => void transaction.set(countsReference(firestore, tenant), reconciled))
  if (Object.keys(reconciled.drift).length > 0) log.warn('counts were off', { tenant, ...reconciled })
  await forgetBefore(firestore, tenant, shards, minute)
  return reconciled
}

// What stands in the exact counts is read no more. Blind deletes: nobody who counts has to wait for them.
const forgetBefore = async (firestore: Firestore, tenant: string, shards: readonly CountShard[], minute: number) => {
  const { FieldValue } = await import('@google-cloud/firestore')
  const batch = firestore.batch()
  shardReferences(firestore, tenant).forEach((reference, index) => {
    const minutes = Object.keys(shards[index]?.changes ?? {}).filter((one) => Number(one) < minute)
    if (minutes.length === 0) return
    const changes = Object.fromEntries(minutes.map((one) => [one, FieldValue.delete()]))
    batch.set(reference, { changes }, { merge: true })
  })
  await batch.commit()
}
