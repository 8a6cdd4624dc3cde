import { hash } from 'node:crypto'
import { ApiKeyDocument, collections } from '@infinity-matrix/contracts'
import { isGoodApiKey, parseApiKey, type Principal } from '@infinity-matrix/core/access'
import type { Context } from '../context.ts'
import { createKnownServices } from './services.ts'

/** Whose an API key is: a service of its tenant, with its scopes. */
export const createApiKeyCheck = (context: Pick<Context, 'firestore' | 'nowMs'>) => {
  const find = createKnownServices(context, {
    collection: collections.apiKeys,
    schema: ApiKeyDocument,
    method: 'api-key',
  })

  /** @returns undefined for a key that is not good */
  return async (text: string): Promise<Principal | undefined> => {
    const parsed = parseApiKey(text)
    // Digests are of random secrets: in how long they differ there is nothing to learn.
    return parsed && find(parsed.id, (key, now) => isGoodApiKey(key, hash('sha256', parsed.secret), now))
  }
}
