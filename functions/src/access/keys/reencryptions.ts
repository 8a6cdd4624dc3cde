import { setTimeout as sleepFor } from 'node:timers/promises'
import { collections, platformTenant, Reencryption, type TenantKeys } from '@infinity-matrix/contracts'
import {
  afterReencryptedPage,
  beginReencryption,
  endReencryption,
  reencryptionPageSize,
  type ReencryptedPage,
} from '@infinity-matrix/core/reencryption'
import { isRotationDue, newestKey } from '@infinity-matrix/core/tenant-keys'
import type { Query, Transaction } from '@google-cloud/firestore'
import type { Context } from '../../runtime/context.ts'
import { createLeases } from '../../runtime/lease.ts'
import { recordIn } from '../../runtime/ledger.ts'
import { protection as protectionOf, sealedFields, type Protection } from '../../runtime/protection.ts'
import { isKeysDestroyed, tenantKeys, type TenantKeysOf } from '../../runtime/tenant-keys.ts'

// Longer than a worker works, so that it need not be renewed.
const leaseSeconds = 120

const sealedCollections = (): (keyof typeof collections)[] =>
  Object.values(collections).filter((name) => sealedFields(name).length > 0)

interface Tools {
  keys: TenantKeysOf
  protection: Protection
  sleep?: (ms: number) => Promise<unknown>
}

/** Rotation of tenants' data keys, and the work that it leaves: every field is sealed anew with the newest version. */
export const createReencryptions = (context: Context, { keys, protection, sleep = sleepFor }: Tools) => {
  const { firestore, nowMs, newId } = context
  const jobs = firestore.collection(collections.reencryptions)
  const leases = createLeases(context)
  const names = sealedCollections()

  const get = async (tenant: string): Promise<Reencryption | undefined> => {
    const snapshot = await jobs.doc(tenant).get()
    return snapshot.exists ? Reencryption.parse(snapshot.data()) : undefined
  }

  const running = async (): Promise<string[]> => {
    const { docs } = await jobs.where('state.status', '==', 'running').get()
    return docs.map(({ id }) => id)
  }

  /** Adds a version of a tenant's key, and begins to seal anew, together. */
  const rotate = (tenant: string): Promise<TenantKeys> =>
    keys.rotate(tenant, (transaction, version) => {
      transaction.set(jobs.doc(tenant), beginReencryption(tenant, version, names, nowMs()))
    })

  // From one tenant to the next, by the index: a read for each.
  const tenantsIn = async (all: Query): Promise<string[]> => {
    const found: string[] = []
    for (;;) {
      const { docs } = await all
        .where('tenant', '>', found.at(-1) ?? '')
        .orderBy('tenant')
        .limit(1)
        .get()
      const tenant: unknown = docs[0]?.get('tenant')
      if (typeof tenant !== 'string') return found
      found.push(tenant)
    }
  }

  /**
   * Rotates what is due; a tenant that has no key yet, but fields that are to be sealed, gets one. The platform's is there in
   * any case: tokens are signed by what follows from it.
   *
   * @returns whose
   */
  const rotateDue = async (): Promise<string[]> => {
    const found = await Promise.all(names.map((name) => tenantsIn(firestore.collection(name))))
    const rotated: string[] = []
    for (const tenant of new Set([platformTenant, ...found.flat()])) {
      const stored = await keys.read(tenant)
      if (stored && !isRotationDue(stored, nowMs()) && (await get(tenant)) !== undefined) continue
      if (stored?.status === 'destroyed') continue
      await rotate(tenant)
      rotated.push(tenant)
    }
    return rotated
  }

  const resealPage = async (transaction: Transaction, job: Reencryption): Promise<ReencryptedPage> => {
    const name = names.find((one) => one === job.collection)
    if (!name) return { examined: 0, resealed: 0, lastId: null }
    const all = firestore.collection(name).where('tenant', '==', job.tenant).orderBy('__name__')
    const page = (job.cursor === null ? all : all.startAfter(job.cursor)).limit(reencryptionPageSize(job))
    const { docs } = await transaction.get(page)
    let resealed = 0
    for (const snapshot of docs) {
      const place = { collection: name, id: snapshot.id, tenant: job.tenant }
      if (protection.isSealedWith(place, snapshot.data(), job.toVersion)) continue
      const opened = await protection.open(place, snapshot.data())
      transaction.set(snapshot.ref, await protection.seal(place, opened))
      resealed++
    }
    return { examined: docs.length, resealed, lastId: docs.at(-1)?.id ?? null }
  }

  const takeStep = async (transaction: Transaction, tenant: string): Promise<Reencryption | undefined> => {
    const snapshot = await transaction.get(jobs.doc(tenant))
    if (!snapshot.exists) return undefined
    const job = Reencryption.parse(snapshot.data())
    if (job.state.status !== 'running' || Date.parse(job.nextPageAt) > nowMs()) return job
    const next = await resealPage(transaction, job)
      .then((page) => afterReencryptedPage(job, page, names, nowMs()))
      .catch((error: unknown) => {
        // There is nothing left that could be read.
        if (isKeysDestroyed(error)) return endReencryption(job, nowMs())
        throw error
      })
    transaction.set(jobs.doc(tenant), next)
    if (next.state.status !== 'running')
      recordIn(context, transaction, [
        {
          kind: 'automation',
          action: 'fields-sealed-anew',
          tenant,
          subject: `${collections.reencryptions}/${tenant}`,
          outcome: 'done',
          details: { status: next.state.status, toVersion: next.toVersion, resealed: next.resealed },
        },
      ])
    return next
  }

  /**
   * Works on a tenant's re-encryption until it is done or the time is up; does nothing while another worker is at it. A page's
   * documents and the job's place change in one transaction under the lease, so that a worker may die anywhere, and the next
   * leaves nothing out and repeats nothing.
   */
  const work = async (tenant: string, secondsMax: number): Promise<Reencryption | undefined> => {
    const held = await leases.acquire(`reencryption.${tenant}`, newId(), leaseSeconds)
    if (held === null) return get(tenant)
    const untilMs = nowMs() + secondsMax * 1000
    try {
      for (;;) {
        const job = await leases.commit(held, (transaction) => takeStep(transaction, tenant))
        const nextMs = job?.state.status === 'running' ? Date.parse(job.nextPageAt) : Infinity
        if (nextMs >= untilMs) return job
        if (nextMs > nowMs()) await sleep(nextMs - nowMs())
      }
    } finally {
      await leases.release(held)
    }
  }

  /** How far a tenant's keys and its re-encryption are; without what is wrapped. */
  const view = async (tenant: string) => {
    const [stored, job] = await Promise.all([keys.read(tenant), get(tenant)])
    const newest = stored && newestKey(stored)
    return (
      stored && {
        status: stored.status,
        version: newest?.version ?? null,
        rotatedAt: newest?.createdAt ?? null,
        reencryption: job ?? null,
      }
    )
  }

  return { get, running, rotate, rotateDue, work, view }
}

/** With the keys of this instance. */
export const openReencryptions = (context: Context) =>
  createReencryptions(context, { keys: tenantKeys(context), protection: protectionOf(context) })
