// Accounts of the Auth emulator, as people make them: their tokens, the table of members, the rules, and the API.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { collections } from '@infinity-matrix/contracts'
import { agentDocument, waitFor } from '@infinity-matrix/testing'
import { beforeAll, expect, it } from 'vitest'
import { z } from 'zod'
import { firestore, functionUrl, uniqueTenant } from './suite.ts'

const projectId = process.env['GCLOUD_PROJECT'] ?? ''
const password = 'correct horse'
let auth = ''
let agents = ''
let api = ''
let fleet = ''

beforeAll(async () => {
  auth = `http://${process.env['FIREBASE_AUTH_EMULATOR_HOST']}`
  agents = `http://${process.env['FIRESTORE_EMULATOR_HOST']}/v1/projects/${projectId}/databases/(default)/documents`
  api = `${await functionUrl('access-api')}/v1`
  fleet = `${await functionUrl('fleet-api')}/v1`
})

const Tokens = z.object({ idToken: z.string(), refreshToken: z.string(), localId: z.string() })
const post = async <T>(schema: z.ZodType<T>, path: string, body: object, headers: Record<string, string> = {}) => {
  const response = await fetch(`${auth}/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${path}: ${text}`)
  return schema.parse(JSON.parse(text))
}
const identity = (what: string) => `identitytoolkit.googleapis.com/${what}?key=any`

const signUp = async (email: string) => {
  const body = { email, password, returnSecureToken: true }
  return post(Tokens, identity('v1/accounts:signUp'), body)
}
const refresh = async (refreshToken: string) => {
  const Refreshed = z.object({ id_token: z.string() })
  const body = { grant_type: 'refresh_token', refresh_token: refreshToken }
  return (await post(Refreshed, 'securetoken.googleapis.com/v1/token?key=any', body)).id_token
}

const Session = z.object({ sessionInfo: z.string() })
const codeFor = async (sessionInfo: string) => {
  const Codes = z.object({ verificationCodes: z.array(z.object({ sessionInfo: z.string(), code: z.string() })) })
  const answer = await fetch(`${auth}/emulator/v1/projects/${projectId}/verificationCodes`)
  const { verificationCodes } = Codes.parse(await answer.json())
  return { sessionInfo, code: verificationCodes.find((one) => one.sessionInfo === sessionInfo)?.code }
}
/** Signs in with a second factor; the emulator has those by phone, and none by TOTP. */
const signInWithTwoFactors = async (email: string, { idToken, localId }: z.infer<typeof Tokens>) => {
  const owner = { authorization: 'Bearer owner' }
  const verified = { localId, emailVerified: true }
  await post(z.unknown(), `identitytoolkit.googleapis.com/v1/projects/${projectId}/accounts:update`, verified, owner)
  const phoneNumber = `+1555${String(Math.floor(Math.random() * 1e7)).padStart(7, '0')}`
  const enrolment = z.object({ phoneSessionInfo: Session })
  const started = await post(enrolment, identity('v2/accounts/mfaEnrollment:start'), {
    idToken,
    phoneEnrollmentInfo: { phoneNumber },
  })
  await post(z.unknown(), identity('v2/accounts/mfaEnrollment:finalize'), {
    idToken,
    phoneVerificationInfo: await codeFor(started.phoneSessionInfo.sessionInfo),
  })
  const Pending = z.object({
    mfaPendingCredential: z.string(),
    mfaInfo: z.tuple([z.object({ mfaEnrollmentId: z.string() })]),
  })
  const { mfaPendingCredential, mfaInfo } = await post(Pending, identity('v1/accounts:signInWithPassword'), {
    email,
    password,
    returnSecureToken: true,
  })
  const begun = await post(z.object({ phoneResponseInfo: Session }), identity('v2/accounts/mfaSignIn:start'), {
    mfaPendingCredential,
    mfaEnrollmentId: mfaInfo[0].mfaEnrollmentId,
    phoneSignInInfo: {},
  })
  const finalized = await post(z.object({ idToken: z.string() }), identity('v2/accounts/mfaSignIn:finalize'), {
    mfaPendingCredential,
    phoneVerificationInfo: await codeFor(begun.phoneResponseInfo.sessionInfo),
  })
  return finalized.idToken
}

const ask = (url: string, token: string, method = 'GET', body?: object) =>
  fetch(url, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  })

it(
  'an operator makes the first admin, who lets somebody in, and out again within a minute',
  { timeout: 180_000 },
  async () => {
    const tenant = uniqueTenant()
    const agentId = `of-${tenant}`
    await firestore.collection(collections.agents).doc(agentId).set(agentDocument({ agentId, tenant }))
    const adminEmail = `admin@${tenant}.example`
    const [admin, ada] = await Promise.all([signUp(adminEmail), signUp(`ada@${tenant}.example`)])

    const grant = join(import.meta.dirname, '../functions/access-grant.ts')
    const asAdmin = ['--email', adminEmail, '--tenant', tenant, '--role', 'admin']
    const { stdout } = await promisify(execFile)(process.execPath, [grant, ...asAdmin])
    expect(stdout).toContain(`${admin.localId} is admin in ${tenant}`)

    const viewer = { tenant, role: 'viewer', email: `ada@${tenant}.example` }
    const weak = await refresh(admin.refreshToken)
    const refused = await ask(`${api}/members`, weak, 'POST', viewer)
    expect([refused.status, await refused.text()]).toEqual([403, expect.stringContaining('second factor') as string])
    const strong = await signInWithTwoFactors(adminEmail, { ...admin, idToken: weak })
    expect((await ask(`${fleet}/agents/${agentId}`, ada.idToken)).status).toBe(403)
    expect((await ask(`${api}/members`, strong, 'POST', viewer)).status).toBe(200)

    const token = await refresh(ada.refreshToken)
    const read = () => ask(`${agents}/${collections.agents}/${agentId}`, token).then(({ status }) => status)
    const show = () => ask(`${fleet}/agents/${agentId}`, token).then(({ status }) => status)
    expect([await read(), await show()]).toEqual([200, 200])
    expect((await ask(`${fleet}/agents?tenant=another`, token)).status).toBe(404)
    const ownRow = await ask(`${agents}/${collections.members}/${ada.localId}`, token)
    expect(await ownRow.text()).toContain('viewer')

    expect((await ask(`${api}/members/${ada.localId}?tenant=${tenant}`, strong, 'DELETE')).status).toBe(200)
    // Rules look into the table at each request.
    expect(await read()).toBe(403)
    await waitFor('the token to be refused', async () => ((await show()) === 401 ? true : undefined), {
      deadlineSeconds: 60,
    })
    const later = await refresh(ada.refreshToken)
    expect((await ask(`${fleet}/agents/${agentId}`, later)).status).toBe(403)
  },
)
