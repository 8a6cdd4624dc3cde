import type { Context as Request, Hono } from 'hono'
import type { Context } from '../../runtime/context.ts'
import { tenantOfList } from '../../runtime/http/authorise.ts'
import { readQuery } from '../../runtime/request-body.ts'
import { countAgents } from '../agents.ts'
import { showCounts } from '../counts/counts.ts'
import { FilterQuery } from './filter.ts'

/**
 * How many agents there are. For one tenant, from its counters, with how fresh and how far off they are; for any other
 * filter, counted now, which costs a read for each 1,000 agents.
 */
export const serveCounts = (app: Hono, { firestore }: Context): void => {
  const show = async (request: Request) => {
    const { tenant: asked, ...more } = readQuery(request, FilterQuery)
    const tenant = tenantOfList(request, asked)
    const filter = tenant === undefined ? more : { ...more, tenant }
    const isByCounters = tenant !== undefined && Object.keys(more).length === 0
    return request.json(isByCounters ? await showCounts(firestore, tenant) : await countAgents(firestore, filter))
  }
  app.get('/v1/counts', (request) => show(request))
}
