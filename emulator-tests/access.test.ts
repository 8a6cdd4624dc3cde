// Accounts of the Auth emulator, as people make them: their tokens, the table of members, the rules, and the API.
import { collections } from '@infinity-matrix/contracts'
import { agentDocument, waitFor } from '@infinity-matrix/testing'
import { beforeAll, expect, it } from 'vitest'
import { ask, grantAsOperator, projectId, refresh, signInWithTwoFactors, signUp } from './auth.ts'
import { firestore, functionUrl, uniqueTenant } from './suite.ts'

let agents = ''
let api = ''
let fleet = ''

beforeAll(async () => {
  agents = `http://${process.env['FIRESTORE_EMULATOR_HOST']}/v1/projects/${projectId}/databases/(default)/documents`
  api = `${await functionUrl('access-api')}/v1`
  fleet = `${await functionUrl('fleet-api')}/v1`
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

    expect(await grantAsOperator(['--email', adminEmail], tenant, 'admin')).toContain(
      `${admin.localId} is admin in ${tenant}`,
    )

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
