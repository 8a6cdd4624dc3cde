import {
  collections,
  ServiceAccountDocument,
  serviceAccountName,
  ServiceAccountRequest,
} from '@infinity-matrix/contracts'
import type { Context as Request, Hono } from 'hono'
import type { Context } from '../../runtime/context.ts'
import { authorise } from '../../runtime/http/authorise.ts'
import { readJson } from '../../runtime/request-body.ts'
import { serveServices } from '../services/routes.ts'
import { createServices } from '../services/store.ts'

const path = '/v1/service-accounts'
const limits = { mediaTypes: ['application/json'], bytesMax: 10_000 }

/** `/v1/service-accounts`: which accounts of Google's are services of a tenant. */
export const serveServiceAccounts = (app: Hono, context: Context): void => {
  const services = createServices(context, {
    collection: collections.serviceAccounts,
    schema: ServiceAccountDocument,
    name: 'service-account',
  })
  const viewOf = (account: ServiceAccountDocument) => account
  serveServices(app, path, { services, viewOf, plural: 'accounts', form: /^[a-z0-9*-]{1,63}\.\d{10,32}$/ })

  const enter = async (request: Request) => {
    const asked = await readJson(request, ServiceAccountRequest, limits)
    authorise(request, { tenant: asked.tenant })
    const account = services.begin(serviceAccountName(asked.tenant, asked.account), asked)
    await services.put(account, 'entered')
    return request.json(account, 201)
  }

  app.post(path, (request) => enter(request))
}
