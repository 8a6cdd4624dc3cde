import { collections } from '@infinity-matrix/contracts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { context, type Context } from '../../runtime/context.ts'
import { protection } from '../../runtime/protection.ts'
import { openApp, signedIn, startLocalEngines, type LocalEngines, type OpenedApp } from '../../runtime/testing.ts'
import { serveTenantKeys } from './routes.ts'

let engines: LocalEngines
let shared: Context
let app: OpenedApp

beforeAll(async () => {
  engines = await startLocalEngines('demo-tenant-keys')
  shared = await context()
  app = await openApp(serveTenantKeys)
})
afterAll(async () => {
  await Promise.all([shared.firestore.terminate(), shared.pubsub.close(), shared.batches.close()])
  await engines.close()
})

const bodyOf = async (response: Response) => (await response.json()) as object

describe("a tenant's keys", () => {
  const place = { collection: 'subscriptions', id: 's', tenant: 'acme' } as const
  const document = { target: { kind: 'https', url: 'https://example.com' } }

  it('are shown without what is wrapped, rotated, and destroyed for good', async () => {
    expect((await app.request('/v1/tenants/acme/keys')).status).toBe(404)
    const stored = await protection(shared).seal(place, document)
    expect(await bodyOf(await app.request('/v1/tenants/acme/keys'))).toMatchObject({ version: 1, reencryption: null })

    const rotated = await app.request('/v1/tenants/acme/keys/rotate', { method: 'POST' })
    expect(rotated.status).toBe(202)
    const text = await rotated.text()
    expect(JSON.parse(text)).toMatchObject({ status: 'active', version: 2, reencryption: { toVersion: 2 } })
    expect(text).not.toContain('wrapped')

    const destroyed = await app.request('/v1/tenants/acme/keys', { method: 'DELETE' })
    expect(await bodyOf(destroyed)).toMatchObject({ status: 'destroyed', version: null })
    await expect(protection(shared).open(place, stored)).rejects.toMatchObject({ code: 'keys-destroyed' })
    const again = await app.request('/v1/tenants/acme/keys/rotate', { method: 'POST' })
    expect([again.status, await bodyOf(again)]).toMatchObject([409, { errors: [{ field: 'status' }] }])
    expect((await shared.firestore.collection(collections.tenantKeys).doc('acme').get()).data()).not.toHaveProperty(
      'versions',
    )
  })

  it("are for admins of the tenant, and nobody hears of another tenant's", async () => {
    const as = (roles: Record<string, 'admin' | 'editor'>, method = 'GET') =>
      app.request('/v1/tenants/acme/keys', { method, headers: signedIn({ roles }) })
    expect((await as({ acme: 'admin' })).status).toBe(200)
    expect((await as({ acme: 'editor' })).status).toBe(403)
    expect((await as({ other: 'admin' }, 'DELETE')).status).toBe(404)
    expect((await app.request('/v1/tenants/A%3Cb%3E/keys')).status).toBe(404)
  })
})
