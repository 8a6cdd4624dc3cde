import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { StatusError } from '../../wire/status-error.ts'
import { OWNER, principalOf } from './principal.ts'

const segment = (json: unknown): string => Buffer.from(JSON.stringify(json)).toString('base64url')
const token = (claims: unknown, header: unknown = { alg: 'none', typ: 'JWT' }, signature = '') =>
  `${segment(header)}.${segment(claims)}.${signature}`

describe('who asks', () => {
  test.each(['Bearer owner', 'bearer owner', 'BEARER OWNER', 'Bearer ya29.', 'Bearer YA29.x'])(
    '%s is the administrator',
    (header) => expect(principalOf(header)).toEqual(OWNER),
  )

  test.each([undefined, null, 'Bearer\towner'])('%j is nobody', (header) =>
    expect(principalOf(header)).toEqual({ kind: 'user', claims: null }),
  )

  test('the claims of a token are believed, whatever its signature, age and audience', () => {
    const claims = { sub: 'alice', user_id: 'alice', exp: 1, aud: 'other', firebase: { sign_in_provider: 'custom' } }
    for (const bearer of [token(claims), token(claims, { alg: 'RS256' }, 'c2ln'), token(claims, { alg: 1 }, '_-_-')]) {
      expect(principalOf(`Bearer ${bearer}`)).toEqual({ kind: 'user', claims })
    }
  })

  test('a service account that speaks for itself is the administrator', () => {
    const account = 'robot@demo.iam.gserviceaccount.com'
    const asked = (claims: object) => principalOf(`Bearer ${token(claims, { alg: 'RS256' }, 'c2ln')}`).kind
    expect(asked({ iss: account, sub: account, scope: 'https://www.googleapis.com/auth/datastore' })).toBe('owner')
    expect(asked({ iss: account, sub: 'alice' })).toBe('user')
    expect(asked({ iss: 'a@example.com', sub: 'a@example.com' })).toBe('user')
  })

  test.each(['e30.e30.', 'e30=.e30=.', 'e30.e30===.', 'e30.e30.ab', 'e30.e30.abc', 'e30.e30g.'])(
    '%s has no claims, and is a user',
    (bearer) => expect(principalOf(`Bearer ${bearer}`)).toEqual({ kind: 'user', claims: {} }),
  )

  // Kept corpus: each was refused so by Google's emulator.
  test.each([
    ...['', ' owner', 'ownerx', 'ya29', 'garbage', 'e30.e30', 'e30.e30.e30.e30', '.e30.', 'e30..', 'e30.bm90anNvbg.'],
    ...[
      'bm90anNvbg.e30.',
      'W10.e30.',
      'e30.W10.',
      'e30.bnVsbA.',
      'e30.Ingi.',
      'e30.e30.a',
      'e30.e30.a===',
      'e30.e30.!!',
    ],
    ...['e30.e30.abc-_', 'e30.e30.+/+/', 'e30.eyJzdWIiOiJhPz5+fn4ifQ.'],
  ])('"%s" is no token', (bearer) => {
    expect(() => principalOf(`Bearer ${bearer}`)).toThrow(expect.objectContaining({ code: 3, details: 'invalid jwt' }))
  })

  test.each(['owner', 'Bearerowner', 'Bearer', 'Basic dXNlcjpwYXNz'])('%s is another scheme', (header) => {
    expect(() => principalOf(header)).toThrow(expect.objectContaining({ code: 2, details: '' }))
  })

  test('claims that lie in each other without end are none', () => {
    const nested = (depth: number) => `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`
    const header = (depth: number) => `Bearer e30.${Buffer.from(nested(depth)).toString('base64url')}.`
    expect(principalOf(header(99))).toMatchObject({ kind: 'user' })
    expect(() => principalOf(header(50_000))).toThrow(expect.objectContaining({ code: 3 }))
  })

  test('no header is worse than an error', () => {
    const header = fc.oneof(
      fc.string(),
      fc.string().map((text) => `Bearer ${text}`),
      fc.json().map((json) => `Bearer e30.${Buffer.from(json).toString('base64url')}.`),
    )
    fc.assert(
      fc.property(header, (text) => {
        try {
          expect(['owner', 'user']).toContain(principalOf(text).kind)
        } catch (error) {
          expect(error).toBeInstanceOf(StatusError)
        }
      }),
    )
  })
})
