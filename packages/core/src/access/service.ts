import type { ServiceDocument } from '@infinity-matrix/contracts'
import type { Method, Principal } from './principal.ts'

/** Whether a service may do what is said of it, at a time. */
export const isInForce = ({ revokedAt, expiresAt }: ServiceDocument, now: string): boolean =>
  revokedAt === null && expiresAt > now

/** Who a service is when it asks. */
export const serviceOf = ({ id, tenant, scopes }: ServiceDocument, method: Method): Principal => ({
  kind: 'service',
  id,
  method,
  roles: { [tenant]: 'service' },
  scopes,
  hasSecondFactor: false,
})
