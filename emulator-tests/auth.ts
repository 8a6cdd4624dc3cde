// Accounts of the Auth emulator, as people make them through Google's own API.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { z } from 'zod'

export const projectId = process.env['GCLOUD_PROJECT'] ?? ''
export const password = 'correct horse'

const Tokens = z.object({ idToken: z.string(), refreshToken: z.string() })
const origin = () => `http://${process.env['FIREBASE_AUTH_EMULATOR_HOST']}`

export const postToAuth = async <T>(
  schema: z.ZodType<T>,
  path: string,
  body: object,
  headers: Record<string, string> = {},
): Promise<T> => {
  const response = await fetch(`${origin()}/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${path}: ${text}`)
  return schema.parse(JSON.parse(text))
}
export const identity = (what: string) => `identitytoolkit.googleapis.com/${what}?key=any`

const withUid = Tokens.extend({ localId: z.string() })
export type SignedUp = z.infer<typeof withUid>

export const signUp = (email: string) =>
  postToAuth(withUid, identity('v1/accounts:signUp'), { email, password, returnSecureToken: true })

export const refresh = async (refreshToken: string) => {
  const Refreshed = z.object({ id_token: z.string() })
  const body = { grant_type: 'refresh_token', refresh_token: refreshToken }
  return (await postToAuth(Refreshed, 'securetoken.googleapis.com/v1/token?key=any', body)).id_token
}

export const signInWithCustomToken = (token: string) =>
  postToAuth(Tokens, identity('v1/accounts:signInWithCustomToken'), { token, returnSecureToken: true })

/** Signs in as who a provider says it is; the emulator believes an ID token that is plain JSON. */
export const signInWithProvider = (providerId: string, claims: object) => {
  const credential = new URLSearchParams({ providerId, id_token: JSON.stringify(claims) })
  return postToAuth(withUid, identity('v1/accounts:signInWithIdp'), {
    postBody: credential.toString(),
    requestUri: 'http://localhost',
    returnSecureToken: true,
    returnIdpCredential: true,
  })
}

const verificationCodes = async () => {
  const Codes = z.object({ verificationCodes: z.array(z.object({ sessionInfo: z.string(), code: z.string() })) })
  const answer = await fetch(`${origin()}/emulator/v1/projects/${projectId}/verificationCodes`)
  return Codes.parse(await answer.json()).verificationCodes
}
const Session = z.object({ sessionInfo: z.string() })
const codeFor = async (sessionInfo: string) => {
  const codes = await verificationCodes()
  return { sessionInfo, code: codes.find((one) => one.sessionInfo === sessionInfo)?.code }
}

/** Signs in with a second factor; the emulator has those by phone, and none by TOTP. */
export const signInWithTwoFactors = async (email: string, { idToken, localId }: SignedUp) => {
  const owner = { authorization: 'Bearer owner' }
  const verified = { localId, emailVerified: true }
  const update = `identitytoolkit.googleapis.com/v1/projects/${projectId}/accounts:update`
  await postToAuth(z.unknown(), update, verified, owner)
  const phoneNumber = `+1555${String(Math.floor(Math.random() * 1e7)).padStart(7, '0')}`
  const enrolment = z.object({ phoneSessionInfo: Session })
  const started = await postToAuth(enrolment, identity('v2/accounts/mfaEnrollment:start'), {
    idToken,
    phoneEnrollmentInfo: { phoneNumber },
  })
  await postToAuth(z.unknown(), identity('v2/accounts/mfaEnrollment:finalize'), {
    idToken,
    phoneVerificationInfo: await codeFor(started.phoneSessionInfo.sessionInfo),
  })
  const Pending = z.object({
    mfaPendingCredential: z.string(),
    mfaInfo: z.tuple([z.object({ mfaEnrollmentId: z.string() })]),
  })
  const { mfaPendingCredential, mfaInfo } = await postToAuth(Pending, identity('v1/accounts:signInWithPassword'), {
    email,
    password,
    returnSecureToken: true,
  })
  const Begun = z.object({ phoneResponseInfo: Session })
  const begun = await postToAuth(Begun, identity('v2/accounts/mfaSignIn:start'), {
    mfaPendingCredential,
    mfaEnrollmentId: mfaInfo[0].mfaEnrollmentId,
    phoneSignInInfo: {},
  })
  const finalized = await postToAuth(z.object({ idToken: z.string() }), identity('v2/accounts/mfaSignIn:finalize'), {
    mfaPendingCredential,
    phoneVerificationInfo: await codeFor(begun.phoneResponseInfo.sessionInfo),
  })
  return finalized.idToken
}

/** Asks a function as who has a token. */
export const ask = (url: string, token: string | undefined, method = 'GET', body?: object) =>
  fetch(url, {
    method,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body && { 'content-type': 'application/json' }),
    },
    ...(body && { body: JSON.stringify(body) }),
  })

/** As an operator does, who needs no admin for it. @param who `--email` or `--uid`, and which */
export const grantAsOperator = async (who: readonly [string, string], tenant: string, role: string) => {
  const grant = join(import.meta.dirname, '../functions/access-grant.ts')
  const { stdout } = await promisify(execFile)(process.execPath, [grant, ...who, '--tenant', tenant, '--role', role])
  return stdout
}
