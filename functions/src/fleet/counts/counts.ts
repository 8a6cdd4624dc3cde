import { collections, CountsDocument, countShards, CountShard, type AgentCounts } from '@infinity-matrix/contracts'
import { countChanges, countsViewOf, type AgentWritten, type CountChanges } from '@infinity-matrix/core/fleet'
import type { Firestore } from '@google-cloud/firestore'
import type { Context } from '../../runtime/context.ts'
import { messageOf } from '../../runtime/failure.ts'
import { log } from '../../runtime/log.ts'

// A document takes about one write a second for long.
const pauseMs = 1000

export const countsReference = (firestore: Firestore, tenant: string) =>
  firestore.collection(collections.counts).doc(tenant)
export const shardReferences = (firestore: Firestore, tenant: string) => {
  const shards = countsReference(firestore, tenant).collection(collections.shards)
  return Array.from({ length: countShards }, (_, shard) => shards.doc(String(shard)))
}

/** What is stored of a tenant's counts, all of one moment. */
export const readCounts = async (firestore: Firestore, tenant: string) => {
  const references = [countsReference(firestore, tenant), ...shardReferences(firestore, tenant)]
  const [counted, ...shards] = await firestore.getAll(...references)
  return {
    counted: counted?.exists ? CountsDocument.parse(counted.data()) : undefined,
    shards: shards.map((shard) => CountShard.parse(shard.data() ?? {})),
    /** By Firestore's clock. */
    readAtMs: counted?.readTime.toMillis() ?? 0,
  }
}

/** How many agents a tenant has, by region, tier and status: nine reads, however many they are. */
export const showCounts = async (firestore: Firestore, tenant: string): Promise<AgentCounts> => {
  const { counted, shards, readAtMs } = await readCounts(firestore, tenant)
  return countsViewOf(tenant, counted, shards, new Date(readAtMs).toISOString())
}

const merge = (into: CountChanges, changes: CountChanges) => {
  for (const [minute, groups] of changes) {
    const known = into.get(minute) ?? {}
    into.set(minute, known)
    for (const [group, count] of Object.entries(groups)) known[group] = (known[group] ?? 0) + count
  }
}

/**
 * Counts what this instance writes of agents, in its own shard of each tenant's counters: at once when it wrote none for a
 * second, and together with what comes until then when it did. What an instance that dies has not written is found by
 * `fleet-reconcileCounts`.
 */
export const createCounter = ({ firestore, nowMs }: Pick<Context, 'firestore' | 'nowMs'>, shard: number) => {
  const pending = new Map<string, CountChanges>()
  const freeAtMs = new Map<string, number>()

  const flush = async (tenant: string): Promise<void> => {
    const changes = pending.get(tenant)
    if (!changes) return
    pending.delete(tenant)
    freeAtMs.set(tenant, nowMs() + pauseMs)
    const { FieldValue } = await import('@google-cloud/firestore')
    const increments = [...changes].map(([minute, groups]) => [
      minute,
      Object.fromEntries(Object.entries(groups).map(([group, count]) => [group, FieldValue.increment(count)])),
    ])
    const reference = shardReferences(firestore, tenant)[shard]
    try {
      await reference?.set({ changes: Object.fromEntries(increments) as unknown }, { merge: true })
    } catch (error) {
      // It may have been counted or not: trying again could count it twice.
      log.warn('counts are off until they are reconciled', { tenant, error: messageOf(error) })
    }
  }

  /** Resolves when it is counted, or will be together with more. */
  const count = async (written: readonly AgentWritten[]): Promise<void> => {
    const free: string[] = []
    for (const [tenant, changes] of countChanges(written)) {
      const known = pending.get(tenant)
      if (known) {
        merge(known, changes)
        continue
      }
      pending.set(tenant, changes)
      const waitMs = (freeAtMs.get(tenant) ?? 0) - nowMs()
      if (waitMs <= 0) free.push(tenant)
      else setTimeout(() => void flush(tenant), waitMs)
    }
    await Promise.all(free.map(flush))
  }

  return { count }
}
