import { createLocalJWKSet, exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWTVerifyGetKey } from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import { verifyFirebaseToken } from './firebase-tokens.ts'

const projectId = 'a-project'
let key: CryptoKey
let keys: JWTVerifyGetKey

beforeAll(async () => {
  const pair = await generateKeyPair('RS256')
  key = pair.privateKey
  keys = createLocalJWKSet({ keys: [{ ...(await exportJWK(pair.publicKey)), kid: 'k', alg: 'RS256' }] })
})

const nowSeconds = Math.floor(Date.now() / 1000)
/** An ID token in the form in which Firebase issues it. */
const verify = async (claims: object) => {
  const token = await new SignJWT({ auth_time: nowSeconds, user_id: 'ada', email_verified: true, ...claims })
    .setProtectedHeader({ alg: 'RS256', kid: 'k', typ: 'JWT' })
    .setIssuer(`https://securetoken.google.com/${projectId}`)
    .setAudience(projectId)
    .setSubject('ada')
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(key)
  const isPasskeyOf = async (id: string, uid: string) => id === 'of-ada' && uid === 'ada'
  return (await verifyFirebaseToken(token, { projectId, nowMs: () => Date.now(), keys, isPasskeyOf })).principal
}
const identities = { email: ['ada@example.com'] }

describe('a token of Firebase', () => {
  it('by password and TOTP has a second factor', async () => {
    const firebase = {
      identities,
      sign_in_provider: 'password',
      second_factor_identifier: '2e3c5b1a-7f0b-4f53-9a50-9b4b3f6f1b0e',
      sign_in_second_factor: 'totp',
    }
    expect(await verify({ roles: { acme: 'admin' }, firebase })).toMatchObject({
      kind: 'person',
      id: 'ada',
      roles: { acme: 'admin' },
      hasSecondFactor: true,
      signedInAtSeconds: nowSeconds,
    })
  })

  it.each(['password', 'google.com', 'github.com', 'oidc.acme', 'saml.acme', 'phone', 'custom'])(
    'by %s has roles, and one factor',
    async (provider) => {
      const firebase = { identities: { ...identities, [provider]: ['1234'] }, sign_in_provider: provider }
      const principal = await verify({ name: 'Ada', picture: '', roles: { acme: 'editor' }, firebase })
      expect(principal).toMatchObject({ roles: { acme: 'editor' }, hasSecondFactor: false })
    },
  )

  it('does not believe of factors and roles what a provider says of its own', async () => {
    const attributes = { roles: { '*': 'admin' }, passkey: 'of-ada', provenAt: nowSeconds, signedInFrom: 0 }
    const firebase = { identities, sign_in_provider: 'oidc.acme', sign_in_attributes: attributes }
    expect(await verify({ firebase })).toMatchObject({ roles: {}, hasSecondFactor: false })
  })

  it('by a custom token of ours says which passkey was shown', async () => {
    const firebase = { identities, sign_in_provider: 'custom' }
    const shown = { passkey: 'of-ada', provenAt: nowSeconds - 60, firebase }
    expect(await verify(shown)).toMatchObject({ hasSecondFactor: true, signedInAtSeconds: nowSeconds - 60 })
    expect(await verify({ ...shown, passkey: 'of-eve' })).toMatchObject({ hasSecondFactor: false })
  })

  it('of a session that was ended is refused, also where its custom token was kept until then', async () => {
    const kept = { auth_time: nowSeconds, provenAt: nowSeconds - 60, firebase: { sign_in_provider: 'custom' } }
    await expect(verify({ ...kept, signedInFrom: nowSeconds - 30 })).rejects.toThrow('The session was ended.')
    expect(await verify({ ...kept, signedInFrom: nowSeconds - 61 })).toMatchObject({ id: 'ada' })
    await expect(verify({ firebase: {}, signedInFrom: nowSeconds })).rejects.toThrow('The session was ended.')
  })
})
