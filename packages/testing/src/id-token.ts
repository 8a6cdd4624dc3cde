import type { Role } from '@infinity-matrix/contracts'

export interface IdTokenOptions {
  projectId: string
  uid?: string
  /** By tenant; `*` is the platform. */
  roles?: Readonly<Record<string, Role>>
  hasSecondFactor?: boolean
  /** Milliseconds since 1970. */
  issuedAtMs?: number
  /** Of the sign-in, which may be earlier. */
  signedInAtMs?: number
  /** `password` unless given; `custom` for a custom token. */
  provider?: string
  /** Other claims of the account, or of its custom token. */
  claims?: Readonly<Record<string, unknown>>
}

/** An ID token as Firebase's Auth emulator issues it, which is not signed: only where that emulator stands in is it believed. */
export const idToken = ({
  projectId,
  uid = 'tester',
  roles = { '*': 'admin' },
  hasSecondFactor = true,
  issuedAtMs = Date.now(),
  signedInAtMs = issuedAtMs,
  provider = 'password',
  claims: more = {},
}: IdTokenOptions): string => {
  const issuedAtSeconds = Math.floor(issuedAtMs / 1000)
  const claims = {
    iss: `https://securetoken.google.com/${projectId}`,
    aud: projectId,
    sub: uid,
    user_id: uid,
    iat: issuedAtSeconds,
    auth_time: Math.floor(signedInAtMs / 1000),
    exp: issuedAtSeconds + 3600,
    roles,
    ...more,
    firebase: {
      identities: {},
      sign_in_provider: provider,
      ...(hasSecondFactor && { sign_in_second_factor: 'totp' }),
    },
  }
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'none', typ: 'JWT' })}.${part(claims)}.`
}
