import { describe, expect, it } from 'vitest'
import { decide, decideAnywhere, tenantsOf } from './decide.ts'
import type { RoleRow } from './policy.ts'
import { anonymous, rolesIn, type Principal } from './principal.ts'

const person = (roles: Principal['roles'], more: Partial<Principal> = {}): Principal => ({
  ...anonymous,
  kind: 'person',
  id: 'ada',
  method: 'firebase',
  roles,
  ...more,
})
const readers: RoleRow = { callers: ['viewer', 'editor', 'admin', 'agent'], scope: 'agents:read', tenant: 'checked' }
const admins: RoleRow = { callers: ['admin'], scope: null, tenant: 'checked' }
const platform: RoleRow = { callers: ['viewer'], scope: null, tenant: 'platform' }
const reasonOf = (...asked: Parameters<typeof decide>) => {
  const decision = decide(...asked)
  return decision.isAllowed ? 'allowed' : `${decision.status} ${decision.reason}`
}

describe('a role', () => {
  it('counts in its tenant, and one of the platform everywhere', () => {
    expect(reasonOf(person({ acme: 'viewer' }), readers, { tenant: 'acme' })).toBe('allowed')
    expect(reasonOf(person({ acme: 'viewer' }), readers, { tenant: 'other' })).toBe('404 other-tenant')
    expect(reasonOf(person({ '*': 'viewer' }), readers, { tenant: 'other' })).toBe('allowed')
  })

  it('of the platform adds to that of a tenant', () => {
    expect(rolesIn(person({ '*': 'viewer', acme: 'editor' }), 'acme')).toEqual(['editor', 'viewer'])
    const writers: RoleRow = { ...readers, callers: ['editor'] }
    expect(reasonOf(person({ '*': 'editor', acme: 'viewer' }), writers, { tenant: 'acme' })).toBe('allowed')
  })

  it('is none in what belongs to no tenant, but for those of the platform', () => {
    expect(reasonOf(person({ acme: 'admin' }), readers, { tenant: null })).toBe('404 other-tenant')
    expect(reasonOf(person({ acme: 'viewer' }), platform, { tenant: 'acme' })).toBe('403 other-tenant')
    expect(reasonOf(person({ '*': 'viewer' }), platform, { tenant: null })).toBe('allowed')
  })

  it('is not found on the prototype of an object', () => {
    expect(reasonOf(person({}), readers, { tenant: 'constructor' })).toBe('404 other-tenant')
  })

  it('of an admin without a second factor is that of an editor', () => {
    const weak = person({ acme: 'admin' })
    expect(reasonOf(weak, readers, { tenant: 'acme' })).toBe('allowed')
    expect(reasonOf(weak, admins, { tenant: 'acme' })).toBe('403 second-factor-needed')
    expect(reasonOf({ ...weak, hasSecondFactor: true }, admins, { tenant: 'acme' })).toBe('allowed')
  })
})

describe('narrower than a role', () => {
  it('are scopes', () => {
    const service = person({ acme: 'editor' }, { kind: 'service', scopes: ['agents:write'] })
    expect(reasonOf(service, readers, { tenant: 'acme' })).toBe('403 scope')
    expect(reasonOf({ ...service, scopes: ['agents:read'] }, readers, { tenant: 'acme' })).toBe('allowed')
    const admin = person({ acme: 'admin' }, { kind: 'service', scopes: ['agents:read'], hasSecondFactor: true })
    expect(reasonOf(admin, admins, { tenant: 'acme' })).toBe('403 scope')
  })

  it('is being one agent', () => {
    const agent = person({ acme: 'agent' }, { kind: 'agent', id: 'a-1' })
    expect(reasonOf(agent, readers, { tenant: 'acme', agentId: 'a-1' })).toBe('allowed')
    expect(reasonOf(agent, readers, { tenant: 'acme', agentId: 'a-2' })).toBe('404 other-agent')
    expect(reasonOf(agent, readers, { tenant: 'other', agentId: 'a-1' })).toBe('404 other-tenant')
    expect(reasonOf(agent, readers, { tenant: 'acme' })).toBe('404 other-agent')
    expect(tenantsOf(agent, readers)).toEqual([])
  })
})

describe('before the tenant is known', () => {
  it('whoever has the role nowhere is refused', () => {
    expect(decideAnywhere(anonymous, readers)).toMatchObject({ status: 401 })
    expect(decideAnywhere(person({}), readers)).toMatchObject({ status: 403, reason: 'role' })
    expect(decideAnywhere(person({ a: 'viewer', b: 'editor' }), admins)).toMatchObject({ status: 403 })
    expect(decideAnywhere(person({ a: 'agent', b: 'service' }), readers)).toMatchObject({ isAllowed: true })
  })

  it('only who is let call private functions is an invoker', () => {
    expect(decideAnywhere({ ...anonymous, method: 'invoker' }, { callers: 'invoker' })).toMatchObject({
      isAllowed: true,
    })
    expect(decideAnywhere(person({ '*': 'admin' }), { callers: 'invoker' })).toMatchObject({ status: 403 })
  })

  it('what is of their own account is for people, with whatever role', () => {
    const reasons = [person({}), anonymous, person({}, { kind: 'service' })].map((one) =>
      reasonOf(one, { callers: 'person' }, { tenant: null }),
    )
    expect(reasons).toEqual(['allowed', '401 credentials-needed', '403 person-only'])
  })

  it('lists are restricted to the tenants of the caller', () => {
    expect(tenantsOf(person({ b: 'viewer', a: 'editor', c: 'service' }), readers)).toEqual(['a', 'b'])
    expect(tenantsOf(person({ '*': 'viewer', a: 'editor' }), readers)).toBe('all')
  })
})
