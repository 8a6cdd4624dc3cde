import { randomBytes } from 'node:crypto'
import { platformTenant } from '@infinity-matrix/contracts'
import {
  isSecretOverdue,
  secretPlan,
  secretRotationDays,
  secretVersionsAccepted,
  type SecretVersion,
} from '@infinity-matrix/core/secrets'
import { LRUCache } from 'lru-cache'
import { once, type Context } from './context.ts'
import { tellCriticalError } from './critical-errors.ts'
import { messageOf, overload } from './failure.ts'
import { createGoogleApi } from './google-api.ts'
import { createLeases, type HeldLease } from './lease.ts'
import { record, recordIn, sealSoon, type Happening } from './ledger.ts'
import { isLocal, projectId, secretsFile } from './params.ts'
import { createLocalSecrets, createSecretManager, type SecretStore } from './secret-stores.ts'

export interface Secret extends SecretVersion {
  value: Uint8Array
}

const knownSeconds = 300
const secretsMax = 100
/** As many as HMAC-SHA256, and AES-256, have use for. */
const secretBytes = 32
const leaseSeconds = 60

/** Secrets as functions use them: each read of one from its store stands in the ledger, without what it says. */
export const createSecrets = (context: Context, store: () => SecretStore) => {
  const leases = createLeases(context)
  const known = new LRUCache<string, Promise<Secret[]>>({
    max: secretsMax,
    ttl: knownSeconds * 1000,
    ttlResolution: 0,
    perf: { now: context.nowMs },
  })

  const happened = (name: string, version: string | null, action: string, kind: Happening['kind']): Happening => ({
    kind,
    action,
    tenant: platformTenant,
    subject: version === null ? `secrets/${name}` : `secrets/${name}/versions/${version}`,
    outcome: 'done',
  })

  const read = async (name: string): Promise<Secret[]> => {
    const versions = (await store().versions(name)).slice(0, secretVersionsAccepted)
    // What is not recorded is not read.
    await record(
      context,
      versions.map(({ version }) => happened(name, version, 'secret-read', 'data-access')),
    )
    return Promise.all(versions.map(async (one) => ({ ...one, value: await store().read(name, one.version) })))
  }

  /** What a secret says: the first version is for use, each is accepted. At most five minutes old. */
  const accepted = (name: string): Promise<Secret[]> => {
    const held = known.get(name) ?? read(name)
    if (known.get(name) === undefined) {
      known.set(name, held)
      held.catch(() => known.delete(name))
    }
    return held
  }

  const rotate = async (name: string, held: HeldLease): Promise<void> => {
    const { isNewDue, retired } = secretPlan(await store().versions(name), context.nowMs())
    if (isNewDue) {
      // Before it is known which version it will be, so that a crash leaves none that nobody was told of; and only by the holder.
      const begun = happened(name, null, 'secret-rotation-begun', 'automation')
      await leases.commit(held, (transaction) => recordIn(context, transaction, [begun]))
      await sealSoon(context)
      const { version } = await store().add(name, randomBytes(secretBytes))
      await record(context, [happened(name, version, 'secret-added', 'automation')])
    }
    for (const { version } of retired) {
      await record(context, [happened(name, version, 'secret-retired', 'automation')])
      await store().disable(name, version)
    }
    if (isNewDue || retired.length > 0) known.delete(name)
  }

  /** One at a time, whoever it is: a file has no other protection, and two versions at once would retire the one in use. */
  const alone = async (work: (held: HeldLease) => Promise<void>): Promise<void> => {
    const held = await leases.acquire('secrets', context.newId(), leaseSeconds)
    if (held === null) return
    try {
      await work(held)
    } finally {
      await leases.release(held)
    }
  }

  const tellIfOverdue = async (name: string): Promise<void> => {
    const [newest] = await store().versions(name)
    if (!newest || !isSecretOverdue(newest, context.nowMs())) return
    const rule = `is of ${newest.createdAt}, and is to be replaced after ${secretRotationDays} days by whoever issues it`
    await tellCriticalError(context, `secrets/${name}`, 'secret-overdue', new Error(rule))
  }

  /**
   * Sees to every secret there is: ours get a new version where one is due, and lose those that are not accepted any more; of
   * the others it is told which are overdue. It does nothing while somebody else is at it, and what a crash left half done is
   * done the next time.
   */
  const rotateAll = (): Promise<void> =>
    alone(async (held) => {
      const failures: string[] = []
      for (const { name, isOurs } of await store().list()) {
        await leases.renew(held, leaseSeconds)
        // What one fails by is its own: all have their turn, and then the tick tells of it.
        await (isOurs ? rotate(name, held) : tellIfOverdue(name)).catch((error: unknown) =>
          failures.push(`${name}: ${messageOf(error)}`),
        )
      }
      if (failures.length > 0) throw new Error(`${failures.length} secrets failed: ${failures.slice(0, 3).join('; ')}`)
    })

  let making: Promise<void> | undefined
  /** A secret of ours, made where it is not there. @throws where somebody else is making it: it is there in a moment */
  const own = async (name: string): Promise<Secret[]> => {
    const found = await accepted(name)
    if (found.length > 0) return found
    known.delete(name)
    making ??= alone((held) => rotate(name, held)).finally(() => (making = undefined))
    await making
    const made = await accepted(name)
    if (made.length > 0) return made
    known.delete(name)
    throw overload(`the secret ${name} is being made`)
  }

  return { accepted, own, rotateAll }
}

export type Secrets = ReturnType<typeof createSecrets>

const secretStore = once((nowMs: () => number): SecretStore => {
  if (isLocal()) return createLocalSecrets(secretsFile(), nowMs)
  return createSecretManager(projectId(), createGoogleApi({ origin: 'https://secretmanager.googleapis.com' }))
})

/** The secrets of this instance. */
export const secrets = once((context: Context) => createSecrets(context, () => secretStore(context.nowMs)))
