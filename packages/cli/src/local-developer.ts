/**
 * The ID token by which the CLI is an admin of the platform in a suite of this machine: unsigned, as those of the Auth
 * emulator are, and so believed only where that stands in.
 *
 * @param nowMs milliseconds since 1970; it is good for an hour from then
 */
export const localDeveloperToken = (projectId: string, nowMs: number): string => {
  const issuedAt = Math.floor(nowMs / 1000)
  const uid = 'local-developer'
  const claims = {
    iss: `https://securetoken.google.com/${projectId}`,
    aud: projectId,
    sub: uid,
    user_id: uid,
    iat: issuedAt,
    auth_time: issuedAt,
    exp: issuedAt + 3600,
    roles: { '*': 'admin' },
    firebase: { identities: {}, sign_in_provider: 'custom', sign_in_second_factor: 'totp' },
  }
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'none', typ: 'JWT' })}.${part(claims)}.`
}
