import { RoleTenant, type ServiceDocument } from '@infinity-matrix/contracts'
import type { Context as Request, Hono } from 'hono'
import { z } from 'zod'
import { authorise } from '../../runtime/http/authorise.ts'
import { RequestProblem } from '../../runtime/problem.ts'
import { readQuery } from '../../runtime/request-body.ts'
import type { Services } from './store.ts'

const OfTenant = z.strictObject({ tenant: RoleTenant })

interface Shown<Service extends ServiceDocument> {
  services: Services<Service>
  /** What is answered of a service. */
  viewOf: (service: Service) => object
  /** What lists are called. */
  plural: string
  /** Of their ids. */
  form: RegExp
}

/**
 * What the API does with services of every kind: `GET {path}?tenant=` and `DELETE {path}/{id}`.
 *
 * @returns how a request has the service that its path names, once it may; it is answered 404 otherwise
 */
export const serveServices = <Service extends ServiceDocument>(
  app: Hono,
  path: string,
  { services, viewOf, plural, form }: Shown<Service>,
) => {
  const serviceIn = async (request: Request): Promise<Service> => {
    const id = request.req.param('id') ?? ''
    const service = form.test(id) ? await services.get(id) : undefined
    if (!service) throw new RequestProblem(404)
    authorise(request, { tenant: service.tenant })
    return service
  }

  const list = async (request: Request) => {
    const { tenant } = readQuery(request, OfTenant)
    authorise(request, { tenant })
    return request.json({ [plural]: (await services.list(tenant)).map(viewOf) })
  }
  const revoke = async (request: Request) => {
    const { id } = await serviceIn(request)
    return request.json(viewOf(await services.revoke(id)))
  }

  app.get(path, (request) => list(request))
  app.delete(`${path}/:id`, (request) => revoke(request))
  return serviceIn
}
