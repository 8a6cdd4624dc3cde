// Who tries, and where what they try it on belongs.
import { grantableRoles, platformTenant, type GrantableRole } from '@infinity-matrix/contracts'
import { idToken } from '@infinity-matrix/testing'

export const projectId = 'demo-access-matrix'
export const ownTenant = 'tenant-a'
export const otherTenant = 'tenant-b'

/** `own`: in a tenant of theirs; `other`: in another; `platform`: in one that is theirs by their role in the platform. */
export const places = ['own', 'other', 'platform'] as const
export type Where = (typeof places)[number]

export interface Person {
  name: string
  uid: string
  where: Where
  /** Null for a stranger, who is signed in and has no role, and for nobody, who is not. */
  role: GrantableRole | 'agent' | null
  isSignedIn: boolean
  hasSecondFactor: boolean
}

const ofRoles = places.flatMap((where) =>
  [...grantableRoles.map((role) => ({ role, name: role, hasSecondFactor: true })), weakAdmin()].map((one) => ({
    ...one,
    where,
    uid: `${one.name.replaceAll(' ', '-')}-${where}`,
    isSignedIn: true,
  })),
)

function weakAdmin() {
  return { role: 'admin' as const, name: 'admin without a second factor', hasSecondFactor: false }
}

const withoutRole = { where: 'other', role: null, hasSecondFactor: false } as const
export const people: readonly Person[] = [
  ...ofRoles,
  { ...withoutRole, name: 'a stranger', uid: 'stranger', isSignedIn: true },
  { ...withoutRole, name: 'anonymous', uid: '', isSignedIn: false },
]

const agent = { role: 'agent', isSignedIn: true, hasSecondFactor: false } as const
/** Agents, who have tokens of ours, and only for the API: for what is their own, another agent's of their tenant, and another tenant's. */
export const agents: readonly Person[] = [
  { ...agent, name: 'agent', uid: 'agent-itself', where: 'own' },
  { ...agent, name: 'another agent', uid: 'agent-besides', where: 'own' },
  { ...agent, name: 'agent', uid: 'agent-elsewhere', where: 'other' },
]
/** The id of what somebody asks for, where it is to be one that exists in any case. */
export const ownIdOf = ({ name, role, where, uid }: Person): string | undefined =>
  role === 'agent' && name === 'agent' && where === 'own' ? uid : undefined

export const targetTenant = ({ where }: Person): string => (where === 'own' ? ownTenant : otherTenant)

export const rolesOf = ({ role, where }: Person): Record<string, GrantableRole | 'agent'> =>
  role === null ? {} : { [where === 'platform' ? platformTenant : ownTenant]: role }

export const headersOf = (person: Person): Record<string, string> =>
  person.isSignedIn
    ? {
        authorization: `Bearer ${idToken({ projectId, uid: person.uid, hasSecondFactor: person.hasSecondFactor, roles: rolesOf(person) })}`,
      }
    : {}

/** Whether the roles of a row are meant to let them in: said here a second time, in words of its own. */
export const isMeant = (person: Person, roles: readonly string[], belongsTo: 'tenant' | 'platform'): boolean => {
  const { role, where, hasSecondFactor } = person
  if (role === 'agent') return roles.includes(role) && ownIdOf(person) !== undefined
  if (role === null || where === 'other' || (belongsTo === 'platform' && where !== 'platform')) return false
  return roles.includes(role === 'admin' && !hasSecondFactor ? 'editor' : role)
}
