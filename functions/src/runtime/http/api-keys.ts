import { hash } from 'node:crypto'
import { ApiKeyDocument, collections } from '@infinity-matrix/contracts'
import { isGoodApiKey, parseApiKey, type Principal } from '@infinity-matrix/core/access'
import { LRUCache } from 'lru-cache'
import type { Context } from '../context.ts'

// What is revoked is refused within a minute, and a key that is not known is asked for again as soon.
const knownSeconds = 30
const keysMax = 10_000

/** Whose an API key is: a service of its tenant, with its scopes. */
export const createApiKeyCheck = ({ firestore, nowMs }: Pick<Context, 'firestore' | 'nowMs'>) => {
  const known = new LRUCache<string, { readAtMs: number; key: ApiKeyDocument | undefined }>({ max: keysMax })
  const keys = firestore.collection(collections.apiKeys)

  const read = async (id: string): Promise<ApiKeyDocument | undefined> => {
    const cached = known.get(id)
    if (cached && nowMs() - cached.readAtMs < knownSeconds * 1000) return cached.key
    const readAtMs = nowMs()
    const snapshot = await keys.doc(id).get()
    const key = snapshot.exists ? ApiKeyDocument.parse(snapshot.data()) : undefined
    known.set(id, { readAtMs, key })
    return key
  }

  // By the day: a write for every use would be one for every request.
  const noteUse = async (key: ApiKeyDocument, today: string): Promise<void> => {
    if (key.lastUsedOn === today) return
    key.lastUsedOn = today
    await keys.doc(key.id).update({ lastUsedOn: today })
  }

  /** @returns undefined for a key that is not good */
  return async (text: string): Promise<Principal | undefined> => {
    const parsed = parseApiKey(text)
    const key = parsed && (await read(parsed.id))
    const now = new Date(nowMs()).toISOString()
    // Digests are of random secrets: in how long they differ there is nothing to learn.
    if (!key || !isGoodApiKey(key, hash('sha256', parsed.secret), now)) return undefined
    await noteUse(key, now.slice(0, 10))
    return {
      kind: 'service',
      id: key.id,
      method: 'api-key',
      roles: { [key.tenant]: 'service' },
      scopes: key.scopes,
      hasSecondFactor: false,
    }
  }
}
