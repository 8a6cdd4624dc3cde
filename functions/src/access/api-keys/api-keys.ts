import { hash, randomBytes } from 'node:crypto'
import { ApiKeyDocument, collections, type ApiKeyRequest, type ApiKeySecret } from '@infinity-matrix/contracts'
import { apiKeyPrefix, formatApiKey, nameOf, rotateApiKey } from '@infinity-matrix/core/access'
import type { DocumentReference } from '@google-cloud/firestore'
import { originOf } from '../../runtime/acting.ts'
import type { Context } from '../../runtime/context.ts'
import { recorded, type Happening } from '../../runtime/ledger.ts'

export const viewOf = ({ secrets: _, ...key }: ApiKeyDocument) => ({ ...key, prefix: apiKeyPrefix(key.id) })

/** API keys in Firestore. A secret is there as its hash only. */
export const createApiKeys = (context: Context) => {
  const { firestore, nowMs } = context
  const keys = firestore.collection(collections.apiKeys)
  const instant = (ms: number) => new Date(ms).toISOString()

  const newSecret = (id: string) => {
    const secret = randomBytes(32).toString('hex')
    return { key: formatApiKey({ id, secret }), digest: hash('sha256', secret) }
  }

  const happeningOf = (action: string, { id, tenant, scopes }: ApiKeyDocument): Happening => ({
    kind: 'change',
    action,
    tenant,
    subject: `${collections.apiKeys}/${id}`,
    outcome: 'done',
    details: { scopes: scopes.join(' ') },
  })

  const create = async ({ expiresInDays, ...request }: ApiKeyRequest): Promise<ApiKeySecret> => {
    const [id, createdAtMs] = [randomBytes(8).toString('hex'), nowMs()]
    const { key, digest } = newSecret(id)
    const document: ApiKeyDocument = {
      id,
      ...request,
      secrets: [{ digest, createdAt: instant(createdAtMs), expiresAt: null }],
      createdAt: instant(createdAtMs),
      createdBy: nameOf(originOf().actor),
      expiresAt: instant(createdAtMs + expiresInDays * 86_400_000),
      revokedAt: null,
      lastUsedOn: null,
    }
    await recorded(context, (transaction, record) => {
      transaction.create(keys.doc(id), document)
      record(happeningOf('api-key-created', document))
    })
    return { ...viewOf(document), key }
  }

  const list = async (tenant: string): Promise<ApiKeyDocument[]> => {
    const { docs } = await keys.where('tenant', '==', tenant).get()
    return docs.map((snapshot) => ApiKeyDocument.parse(snapshot.data()))
  }

  const get = async (id: string): Promise<ApiKeyDocument | undefined> => {
    const snapshot = await keys.doc(id).get()
    return snapshot.exists ? ApiKeyDocument.parse(snapshot.data()) : undefined
  }

  const update = (id: string, action: string, next: (key: ApiKeyDocument) => ApiKeyDocument) =>
    recorded(context, async (transaction, record) => {
      const reference: DocumentReference = keys.doc(id)
      const after = next(ApiKeyDocument.parse((await transaction.get(reference)).data()))
      transaction.set(reference, after)
      record(happeningOf(action, after))
      return after
    })

  /** A new secret; the one before it is good for some hours more. */
  const rotate = async (id: string, overlapHours: number): Promise<ApiKeySecret> => {
    const { key, digest } = newSecret(id)
    const times = { now: instant(nowMs()), overlapEndsAt: instant(nowMs() + overlapHours * 3_600_000) }
    const document = await update(id, 'api-key-rotated', (before) => rotateApiKey(before, digest, times))
    return { ...viewOf(document), key }
  }

  const revoke = (id: string): Promise<ApiKeyDocument> =>
    update(id, 'api-key-revoked', (key) => ({ ...key, revokedAt: key.revokedAt ?? instant(nowMs()) }))

  return { create, list, get, rotate, revoke }
}
