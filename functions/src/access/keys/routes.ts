import { Slug } from '@infinity-matrix/contracts'
import type { Context as Request, Hono } from 'hono'
import type { Context } from '../../runtime/context.ts'
import { authorise } from '../../runtime/http/authorise.ts'
import { RequestProblem } from '../../runtime/problem.ts'
import { isKeysDestroyed, tenantKeys } from '../../runtime/tenant-keys.ts'
import { openReencryptions } from './reencryptions.ts'

/** `/v1/tenants/{tenant}/keys`: how far a tenant's keys are, their rotation, and their end. */
export const serveTenantKeys = (app: Hono, context: Context): void => {
  const reencryptions = openReencryptions(context)

  const tenantIn = (request: Request): string => {
    const tenant = request.req.param('tenant') ?? ''
    if (!Slug.safeParse(tenant).success) throw new RequestProblem(404)
    authorise(request, { tenant })
    return tenant
  }

  const show = async (request: Request, tenant: string, status: 200 | 202 = 200): Promise<Response> => {
    const view = await reencryptions.view(tenant)
    if (!view) throw new RequestProblem(404)
    return request.json(view, status)
  }

  const rotate = async (request: Request): Promise<Response> => {
    const tenant = tenantIn(request)
    try {
      await reencryptions.rotate(tenant)
    } catch (error) {
      if (isKeysDestroyed(error))
        throw new RequestProblem(409, { errors: [{ field: 'status', rule: 'must not be destroyed' }] })
      throw error
    }
    return show(request, tenant, 202)
  }

  const destroy = async (request: Request): Promise<Response> => {
    const tenant = tenantIn(request)
    await tenantKeys(context).destroy(tenant)
    return show(request, tenant)
  }

  app.get('/v1/tenants/:tenant/keys', (request) => show(request, tenantIn(request)))
  app.post('/v1/tenants/:tenant/keys/rotate', (request) => rotate(request))
  app.delete('/v1/tenants/:tenant/keys', (request) => destroy(request))
}
