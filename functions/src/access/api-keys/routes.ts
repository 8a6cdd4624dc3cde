import { ApiKeyRequest, ApiKeyRotation, RoleTenant } from '@infinity-matrix/contracts'
import type { Context as Request, Hono } from 'hono'
import { z } from 'zod'
import type { Context } from '../../runtime/context.ts'
import { authorise } from '../../runtime/http/authorise.ts'
import { RequestProblem } from '../../runtime/problem.ts'
import { readJson, readQuery } from '../../runtime/request-body.ts'
import { createApiKeys, viewOf } from './api-keys.ts'

const limits = { mediaTypes: ['application/json'], bytesMax: 10_000 }
const OfTenant = z.strictObject({ tenant: RoleTenant })
// A secret is for nobody's cache.
const uncached = { 'cache-control': 'no-store' }

/** `/v1/api-keys`. */
export const serveApiKeys = (app: Hono, context: Context): void => {
  const keys = createApiKeys(context)

  const keyOf = async (request: Request) => {
    const id = request.req.param('id') ?? ''
    const key = /^[0-9a-f]{16}$/.test(id) ? await keys.get(id) : undefined
    if (!key) throw new RequestProblem(404)
    authorise(request, { tenant: key.tenant })
    return key
  }

  const create = async (request: Request) => {
    const asked = await readJson(request, ApiKeyRequest, limits)
    authorise(request, { tenant: asked.tenant })
    return request.json(await keys.create(asked), 201, uncached)
  }
  const list = async (request: Request) => {
    const { tenant } = readQuery(request, OfTenant)
    authorise(request, { tenant })
    return request.json({ keys: (await keys.list(tenant)).map(viewOf) })
  }
  const rotate = async (request: Request) => {
    const { id, revokedAt } = await keyOf(request)
    const { overlapHours } = await readJson(request, ApiKeyRotation, limits)
    if (revokedAt !== null)
      throw new RequestProblem(409, { errors: [{ field: 'revokedAt', rule: 'must not be revoked: make another key' }] })
    return request.json(await keys.rotate(id, overlapHours), 200, uncached)
  }
  const revoke = async (request: Request) => {
    const { id } = await keyOf(request)
    return request.json(viewOf(await keys.revoke(id)))
  }

  app.post('/v1/api-keys', (request) => create(request))
  app.get('/v1/api-keys', (request) => list(request))
  app.post('/v1/api-keys/:id/rotate', (request) => rotate(request))
  app.delete('/v1/api-keys/:id', (request) => revoke(request))
}
