import { hash, randomBytes } from 'node:crypto'
import { ApiKeyDocument, collections, type ApiKeyRequest, type ApiKeySecret } from '@infinity-matrix/contracts'
import { apiKeyPrefix, formatApiKey, rotateApiKey } from '@infinity-matrix/core/access'
import type { Context } from '../../runtime/context.ts'
import { createServices } from '../services/store.ts'

export const viewOf = ({ secrets: _, ...key }: ApiKeyDocument) => ({ ...key, prefix: apiKeyPrefix(key.id) })

/** API keys in Firestore. A secret is there as its hash only. */
export const createApiKeys = (context: Context) => {
  const services = createServices(context, {
    collection: collections.apiKeys,
    schema: ApiKeyDocument,
    name: 'api-key',
  })
  const instant = (ms: number) => new Date(ms).toISOString()

  const newSecret = (id: string) => {
    const secret = randomBytes(32).toString('hex')
    return { key: formatApiKey({ id, secret }), digest: hash('sha256', secret) }
  }

  const create = async (request: ApiKeyRequest): Promise<ApiKeySecret> => {
    const id = randomBytes(8).toString('hex')
    const { key, digest } = newSecret(id)
    const begun = services.begin(id, request)
    const document = { ...begun, secrets: [{ digest, createdAt: begun.createdAt, expiresAt: null }] }
    await services.put(document, 'created')
    return { ...viewOf(document), key }
  }

  /** A new secret; the one before it is good for some hours more. */
  const rotate = async (id: string, overlapHours: number): Promise<ApiKeySecret> => {
    const { key, digest } = newSecret(id)
    const nowMs = context.nowMs()
    const times = { now: instant(nowMs), overlapEndsAt: instant(nowMs + overlapHours * 3_600_000) }
    const document = await services.update(id, 'rotated', (before) => rotateApiKey(before, digest, times))
    return { ...viewOf(document), key }
  }

  return { services, create, rotate }
}
