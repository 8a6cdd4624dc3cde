import { platformTenant, type GrantableRole, type Member } from '@infinity-matrix/contracts'

/** Custom claims of an account have at most 1,000 bytes; a few are ours beside the roles. */
export const rolesBytesMax = 900

export interface Change {
  now: string
  by: string
}

export type MemberDecision =
  | { kind: 'next'; member: Member }
  | { kind: 'unchanged' }
  | { kind: 'refused'; rule: string }

const newMember = (uid: string, { now, by }: Change): Member => ({
  uid,
  roles: {},
  signedInFrom: 0,
  changedAt: now,
  changedBy: by,
})

/** Gives an account a role in a tenant, in place of the one it may have there. */
export const grantRole = (
  known: Member | undefined,
  { uid, tenant, role, isLastAdmin }: { uid: string; tenant: string; role: GrantableRole; isLastAdmin: boolean },
  change: Change,
): MemberDecision => {
  const member = known ?? newMember(uid, change)
  const before = member.roles[tenant]
  if (before === role) return { kind: 'unchanged' }
  if (before === 'admin' && isLastAdmin) return { kind: 'refused', rule: lastAdminRule }
  const roles = { ...member.roles, [tenant]: role }
  // Tenants are of ASCII, so a character is a byte.
  const bytes = JSON.stringify(roles).length
  if (bytes > rolesBytesMax)
    return {
      kind: 'refused',
      rule: `must have roles of at most ${rolesBytesMax} bytes as JSON, and would have ${bytes}`,
    }
  return { kind: 'next', member: { ...member, roles, changedAt: change.now, changedBy: change.by } }
}

/** Takes the role of an account in a tenant away. */
export const removeRole = (
  member: Member,
  { tenant, isLastAdmin }: { tenant: string; isLastAdmin: boolean },
  { now, by }: Change,
): MemberDecision => {
  const { [tenant]: before, ...roles } = member.roles
  if (before === undefined) return { kind: 'unchanged' }
  if (before === 'admin' && isLastAdmin) return { kind: 'refused', rule: lastAdminRule }
  return { kind: 'next', member: { ...member, roles, changedAt: now, changedBy: by } }
}

const lastAdminRule = 'must not be the last admin: make another one first'

// Whoever has the later role may do all that the earlier one may.
const order: readonly GrantableRole[] = ['viewer', 'service', 'editor', 'admin']

/** Whether tokens that tell of the roles before would allow what those after do not. */
export const isNarrower = (before: Member['roles'], after: Member['roles']): boolean =>
  Object.entries(before).some(([tenant, role]) => {
    const next = after[tenant]
    return next === undefined || order.indexOf(next) < order.indexOf(role)
  })

/** The roles that both have: what tokens may tell while the one becomes the other. */
export const commonRoles = (before: Member['roles'], after: Member['roles']): Member['roles'] =>
  Object.fromEntries(Object.entries(before).filter(([tenant, role]) => after[tenant] === role))

/** Whether somebody may leave a tenant without an admin: only the platform has nobody above it. */
export const mayLeaveEmpty = (tenant: string, isPlatformAdmin: boolean): boolean =>
  tenant !== platformTenant && isPlatformAdmin
