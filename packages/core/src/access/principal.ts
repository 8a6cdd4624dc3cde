import { platformTenant, type Role, type Scope } from '@infinity-matrix/contracts'

/** How somebody showed who they are. `invoker`: Google let them call a private function. */
export type Method = 'firebase' | 'api-key' | 'google' | 'agent-token' | 'invoker' | 'none'

/** Who asks. */
export interface Principal {
  kind: 'person' | 'service' | 'agent' | 'control-plane' | 'anonymous'
  /** Opaque: an account's, a key's or an agent's id, never an address or a name. */
  id: string
  method: Method
  /** By tenant. */
  roles: Readonly<Record<string, Role>>
  /** What a service may do of what its role allows; null for whom nothing narrows. */
  scopes: readonly Scope[] | null
  /** Whether a second factor was shown, without which nobody acts as an admin. */
  hasSecondFactor: boolean
  /** When a person signed in, in seconds since 1970. */
  signedInAtSeconds?: number
}

export const anonymous: Principal = {
  kind: 'anonymous',
  id: 'anonymous',
  method: 'none',
  roles: {},
  scopes: null,
  hasSecondFactor: false,
}

/** A principal as entries and documents name it. */
export const nameOf = ({ kind, id }: Pick<Principal, 'kind' | 'id'>): string => `${kind}/${id}`

/** A principal as quotas count it: another tenant may have an agent of the same id. */
export const quotaNameOf = (principal: Principal): string =>
  principal.kind === 'agent' ? `${nameOf(principal)} of ${Object.keys(principal.roles).join()}` : nameOf(principal)

/** The roles that count in a tenant: its own and that of the platform. Null is what belongs to no tenant, so to the platform. */
export const rolesIn = ({ roles }: Pick<Principal, 'roles'>, tenant: string | null): Role[] => {
  const tenants = tenant === null || tenant === platformTenant ? [platformTenant] : [tenant, platformTenant]
  return tenants.flatMap((one) => (Object.hasOwn(roles, one) ? [roles[one] ?? []].flat() : []))
}
