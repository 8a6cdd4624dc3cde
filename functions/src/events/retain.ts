import {
  archiveRetention,
  collections,
  documentRetention,
  platformTenant,
  type DocumentRetention,
} from '@infinity-matrix/contracts'
import type { Query } from '@google-cloud/firestore'
import type { Context } from '../runtime/context.ts'
import { createLeases } from '../runtime/lease.ts'
import { record } from '../runtime/ledger.ts'
import { log } from '../runtime/log.ts'
import { onTick } from '../runtime/on-tick.ts'
import { createArchiveRows } from './retention/archive-rows.ts'
import { deleteWhole, each } from './documents.ts'

const leaseSeconds = 540
const pageSize = 100

/** Deletes what was kept for as long as it is to be. @returns how much, by collection and table */
export const deleteExpired = async ({ firestore, nowMs }: Context): Promise<Record<string, number>> => {
  const before = (days: number) => new Date(nowMs() - days * 86_400_000).toISOString()

  const fromQuery = async (query: Query): Promise<number> => {
    let deleted = 0
    for (;;) {
      const { docs } = await query.limit(pageSize).get()
      for (const { ref } of docs) deleted += await deleteWhole(ref)
      if (docs.length < pageSize) return deleted
    }
  }

  const fromCollection = async (name: string, { field, days, found }: DocumentRetention): Promise<number> => {
    const time = before(days)
    const all = firestore.collection(name)
    if (found === 'by field') return fromQuery(all.where(field, '<', time).orderBy(field))
    let deleted = 0
    if (found)
      for (let shard = 0; shard < found.shards; shard++)
        // By the index in which the youngest come first, which is there.
        deleted += await fromQuery(all.where('shard', '==', shard).where(field, '<', time).orderBy(field, 'desc'))
    else
      for await (const snapshot of each(all))
        if (String(snapshot.get(field)) < time) deleted += await deleteWhole(snapshot.ref)
    return deleted
  }

  const deleted: Record<string, number> = {}
  for (const [name, collection] of Object.entries(collections)) {
    const retention = Object.entries(documentRetention).find(([of]) => of === name)?.[1]
    if (retention) deleted[collection] = await fromCollection(collection, retention)
  }
  const archive = createArchiveRows()
  for (const { table, days } of archiveRetention) deleted[table.table] = await archive.deleteBefore(table, before(days))
  return deleted
}

/** Once a day: nothing is kept longer than `documentRetention` and `archiveRetention` say. */
export const retain = onTick(
  'events-retain',
  { maxInstances: 1, timeoutSeconds: 540, memory: '256MiB' },
  async (context) => {
    const leases = createLeases(context)
    const held = await leases.acquire('retention', context.newId(), leaseSeconds)
    if (held === null) return
    try {
      const deleted = await deleteExpired(context)
      log.info('deleted what was kept long enough', { deleted })
      await record(context, [
        {
          kind: 'automation',
          action: 'retention-applied',
          tenant: platformTenant,
          subject: 'retention',
          outcome: 'done',
          details: deleted,
        },
      ])
    } finally {
      await leases.release(held)
    }
  },
)
