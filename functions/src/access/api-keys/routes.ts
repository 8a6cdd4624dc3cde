import { ApiKeyRequest, ApiKeyRotation } from '@infinity-matrix/contracts'
import type { Context as Request, Hono } from 'hono'
import type { Context } from '../../runtime/context.ts'
import { authorise } from '../../runtime/http/authorise.ts'
import { RequestProblem } from '../../runtime/problem.ts'
import { readJson } from '../../runtime/request-body.ts'
import { serveServices } from '../services/routes.ts'
import { createApiKeys, viewOf } from './api-keys.ts'

const path = '/v1/api-keys'
const limits = { mediaTypes: ['application/json'], bytesMax: 10_000 }
// A secret is for nobody's cache.
const uncached = { 'cache-control': 'no-store' }

/** `/v1/api-keys`. */
export const serveApiKeys = (app: Hono, context: Context): void => {
  const keys = createApiKeys(context)
  const shown = { services: keys.services, viewOf, plural: 'keys', form: /^[0-9a-f]{16}$/ }
  const keyIn = serveServices(app, path, shown)

  const create = async (request: Request) => {
    const asked = await readJson(request, ApiKeyRequest, limits)
    authorise(request, { tenant: asked.tenant })
    return request.json(await keys.create(asked), 201, uncached)
  }
  const rotate = async (request: Request) => {
    const { id, revokedAt } = await keyIn(request)
    const { overlapHours } = await readJson(request, ApiKeyRotation, limits)
    if (revokedAt !== null)
      throw new RequestProblem(409, { errors: [{ field: 'revokedAt', rule: 'must not be revoked: make another key' }] })
    return request.json(await keys.rotate(id, overlapHours), 200, uncached)
  }

  app.post(path, (request) => create(request))
  app.post(`${path}/:id/rotate`, (request) => rotate(request))
}
