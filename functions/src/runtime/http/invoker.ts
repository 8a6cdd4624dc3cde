import type { Principal } from '@infinity-matrix/core/access'
import type { Context as Request } from 'hono'
import { z } from 'zod'
import { deliverServiceAccount, isLocal } from '../params.ts'
import { unauthenticated } from './authorise.ts'

const Claims = z.object({ email: z.string() })
const pubsub: Principal = {
  kind: 'control-plane',
  id: 'pubsub',
  method: 'invoker',
  roles: {},
  scopes: null,
  hasSecondFactor: false,
}

/**
 * Who calls a private function: nobody but Pub/Sub, as the service account that its subscriptions name. IAM has verified the
 * token, and cut its signature off. Beside local engines there is none unless an account is set; elsewhere one must be.
 */
export const identifyInvoker = (request: Request): Principal => {
  const expected = deliverServiceAccount.value()
  if (expected === '' && isLocal()) return pubsub
  const [, payload = ''] = (request.req.header('authorization') ?? '').replace(/^Bearer /i, '').split('.')
  try {
    const { email } = Claims.parse(JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')))
    if (email === expected && expected !== '') return pubsub
  } catch {
    // No token, or none that says who.
  }
  throw unauthenticated('Only Pub/Sub calls this function.', 'invalid_token')
}
