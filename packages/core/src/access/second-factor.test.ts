import { describe, expect, it } from 'vitest'
import { isEnded, secondFactorOf, secondFactorSeconds, signedInAt, type SignIn } from './second-factor.ts'

const now = 1_790_000_000
const byPasskey: SignIn = {
  provider: 'custom',
  firebaseFactor: undefined,
  passkey: 'a-passkey',
  provenAt: now - 60,
  authTime: now - 50,
}

describe('a second factor', () => {
  it.each<[string, Partial<SignIn>, ReturnType<typeof secondFactorOf>]>([
    ['a passkey that was shown', {}, { passkey: 'a-passkey' }],
    ['one until it is twelve hours ago', { provenAt: now - secondFactorSeconds + 1 }, { passkey: 'a-passkey' }],
    ['none from then on', { provenAt: now - secondFactorSeconds }, undefined],
    ['none that is to be shown', { provenAt: now + 61 }, undefined],
    ['none without its time', { provenAt: undefined }, undefined],
    ['none by a wallet', { passkey: undefined }, undefined],
    ['none in a token that no custom token began', { provider: 'password' }, undefined],
    ['one that Firebase asked for', { provider: 'password', firebaseFactor: 'totp', passkey: undefined }, 'firebase'],
    ['none where Firebase says nothing', { provider: 'password', firebaseFactor: '' }, undefined],
  ])('is %s', (_what, changed, factor) => {
    expect(secondFactorOf({ ...byPasskey, ...changed }, now)).toEqual(factor)
  })
})

describe('a sign-in', () => {
  it('is as old as what its custom token is for', () => {
    expect(signedInAt({ authTime: now, provenAt: now - 3000 })).toBe(now - 3000)
    expect(signedInAt({ authTime: now, provenAt: now + 3000 })).toBe(now)
    expect(signedInAt({ authTime: now, provenAt: undefined })).toBe(now)
  })

  it('ends with all sessions that began by then, also where its custom token is used later', () => {
    const kept = { authTime: now + 100, provenAt: now - 1 }
    expect([isEnded(kept, now), isEnded(kept, 0), isEnded({ ...kept, provenAt: now + 1 }, now)]).toEqual([
      true,
      false,
      false,
    ])
    expect(isEnded({ authTime: now, provenAt: undefined }, now)).toBe(true)
  })
})
