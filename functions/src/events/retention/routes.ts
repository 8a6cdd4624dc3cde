import { ErasureRequest, type Erasure, type ErasureView } from '@infinity-matrix/contracts'
import type { Context as Request, Hono } from 'hono'
import type { Context } from '../../runtime/context.ts'
import { authorise } from '../../runtime/http/authorise.ts'
import { RequestProblem } from '../../runtime/problem.ts'
import { nameIn, readJson } from '../../runtime/request-body.ts'
import { createErasures } from './erasures.ts'

const jsonLimits = { mediaTypes: ['application/json'], bytesMax: 10_000 }

const viewOf = ({ state, ...erasure }: Erasure): ErasureView => ({ ...erasure, status: state.status })

/** `/v1/erasures`. */
export const serveErasures = (app: Hono, context: Context): void => {
  const erasures = createErasures(context)

  const begin = async (request: Request): Promise<Response> => {
    const asked = await readJson(request, ErasureRequest, jsonLimits)
    authorise(request, { tenant: asked.tenant })
    const erasure = await erasures.begin(asked)
    return request.json(viewOf(erasure), 202, { location: `/v1/erasures/${erasure.id}` })
  }

  const show = async (request: Request, id: string): Promise<Response> => {
    const erasure = await erasures.get(id)
    if (!erasure) throw new RequestProblem(404)
    authorise(request, { tenant: erasure.tenant })
    return request.json(viewOf(erasure))
  }

  app.post('/v1/erasures', (request) => begin(request))
  app.get('/v1/erasures/:id', (request) => show(request, nameIn(request)))
}
