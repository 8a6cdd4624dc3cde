import type { Member } from '@infinity-matrix/contracts'
import { describe, expect, it } from 'vitest'
import { commonRoles, grantRole, isNarrower, removeRole } from './members.ts'

const change = { now: '2026-01-01T00:00:00.000Z', by: 'person/root' }
const member = (roles: Member['roles']): Member => ({
  uid: 'ada',
  roles,
  signedInFrom: 0,
  changedAt: change.now,
  changedBy: change.by,
})
const grant = (known: Member | undefined, role: 'viewer' | 'admin', isLastAdmin = false) =>
  grantRole(known, { uid: 'ada', tenant: 'acme', role, isLastAdmin }, change)

describe('a role', () => {
  it('is given to who had none, in place of another, and once', () => {
    expect(grant(undefined, 'viewer')).toMatchObject({
      kind: 'next',
      member: { uid: 'ada', roles: { acme: 'viewer' } },
    })
    expect(grant(member({ acme: 'viewer', other: 'editor' }), 'admin')).toMatchObject({
      member: { roles: { acme: 'admin', other: 'editor' } },
    })
    expect(grant(member({ acme: 'viewer' }), 'viewer')).toEqual({ kind: 'unchanged' })
  })

  it('is taken away in its tenant only', () => {
    const removed = removeRole(
      member({ acme: 'admin', other: 'editor' }),
      { tenant: 'acme', isLastAdmin: false },
      change,
    )
    expect(removed).toMatchObject({ kind: 'next', member: { roles: { other: 'editor' } } })
    expect(removeRole(member({}), { tenant: 'acme', isLastAdmin: false }, change)).toEqual({ kind: 'unchanged' })
  })

  it('of the last admin stays', () => {
    expect(grant(member({ acme: 'admin' }), 'viewer', true)).toMatchObject({ kind: 'refused' })
    expect(removeRole(member({ acme: 'admin' }), { tenant: 'acme', isLastAdmin: true }, change)).toMatchObject({
      kind: 'refused',
    })
  })

  it('is refused where custom claims could not hold it', () => {
    const many = Object.fromEntries(
      Array.from({ length: 40 }, (_, index) => [`tenant-number-${index}`, 'viewer' as const]),
    )
    expect(grant(member(many), 'viewer')).toMatchObject({
      kind: 'refused',
      rule: expect.stringContaining('at most 900 bytes') as string,
    })
  })
})

describe('tokens of before', () => {
  it.each<[Member['roles'], Member['roles'], boolean]>([
    [{ a: 'viewer' }, { a: 'editor' }, false],
    [{ a: 'viewer' }, { a: 'viewer', b: 'viewer' }, false],
    [{ a: 'editor' }, { a: 'viewer' }, true],
    [{ a: 'editor' }, {}, true],
    [{ a: 'admin' }, { a: 'service' }, true],
  ])('of %j allow more than %j: %s', (before, after, narrower) => {
    expect(isNarrower(before, after)).toBe(narrower)
  })

  it('may tell what both have', () => {
    expect(commonRoles({ a: 'admin', b: 'viewer' }, { a: 'viewer', b: 'viewer', c: 'editor' })).toEqual({ b: 'viewer' })
  })
})
