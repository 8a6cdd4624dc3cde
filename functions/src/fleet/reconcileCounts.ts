import { collections } from '@infinity-matrix/contracts'
import type { Firestore } from '@google-cloud/firestore'
import type { Context } from '../runtime/context.ts'
import { createLeases } from '../runtime/lease.ts'
import { onTick } from '../runtime/on-tick.ts'
import { reconcileTenant, valuesOf } from './counts/reconcile-counts.ts'

const workSeconds = 240

/** Every tenant that has agents, beginning with the one whose counts were not compared for longest. */
async function* tenantsWithAgents(firestore: Firestore): AsyncGenerator<string> {
  const byAge = firestore.collection(collections.counts).orderBy('minute').limit(1).select()
  const first = (await byAge.get()).docs[0]?.id
  if (first !== undefined) yield first
  yield* valuesOf(firestore, 'tenant', first)
  for await (const tenant of valuesOf(firestore, 'tenant')) {
    if (first === undefined || tenant >= first) return
    yield tenant
  }
}

/** Those that have agents, and those that only have counts: the last agent of a tenant may have been erased. */
async function* tenantsInTurn(firestore: Firestore): AsyncGenerator<string> {
  const known = new Set<string>()
  for await (const tenant of tenantsWithAgents(firestore)) {
    known.add(tenant)
    yield tenant
  }
  for (const { id } of await firestore.collection(collections.counts).listDocuments()) if (!known.has(id)) yield id
}

/** Compares the counters of one tenant after the other with its agents, as long as there is time. */
export const reconcileAll = async (context: Context, untilMs: number): Promise<void> => {
  const { firestore, nowMs } = context
  const leases = createLeases(context)
  const held = await leases.acquire('reconcile-counts', context.newId(), workSeconds * 2)
  if (held === null) return
  try {
    const regions: string[] = []
    for await (const region of valuesOf(firestore, 'region')) regions.push(region)
    for await (const tenant of tenantsInTurn(firestore)) {
      await reconcileTenant(context, leases, held, tenant, regions)
      if (nowMs() >= untilMs) return
    }
  } finally {
    await leases.release(held)
  }
}

/**
 * Sets the counters of agents right, every five minutes. For a tenant of a million agents that is 4,000 reads; the
 * counters themselves cost a write a second and instance at most.
 */
export const reconcileCounts = onTick(
  'fleet-reconcileCounts',
  { maxInstances: 1, timeoutSeconds: 300, memory: '256MiB' },
  async (context) => reconcileAll(context, context.nowMs() + workSeconds * 1000),
)
