import {
  DisclosuresErasure,
  DisclosuresQuery,
  platformTenant,
  type Disclosures,
  type DisclosuresErased,
} from '@infinity-matrix/contracts'
import type { Context as Request, Hono } from 'hono'
import type { Context } from '../../runtime/context.ts'
import { disclosuresOf, eraseDisclosures } from '../../runtime/disclosures.ts'
import { authorise } from '../../runtime/http/authorise.ts'
import { record } from '../../runtime/ledger.ts'
import { RequestProblem } from '../../runtime/problem.ts'
import { readQuery } from '../../runtime/request-body.ts'
import { isKeysDestroyed } from '../../runtime/tenant-keys.ts'

const eraseSecondsMax = 20

/** `/v1/ledger/disclosures`: what commitments stand for, and that they no longer do. */
export const serveDisclosures = (app: Hono, context: Context): void => {
  const show = async (request: Request) => {
    const { entry } = readQuery(request, DisclosuresQuery)
    const missing = new RequestProblem(404, { detail: 'Nothing is disclosed of such an entry, or not any more.' })
    const found = await disclosuresOf(context, entry)
    if (!found) throw missing
    const { tenant, open } = found
    authorise(request, { tenant }, missing)
    const opened = await open().catch((error: unknown) => {
      throw isKeysDestroyed(error) ? missing : error
    })
    // What is not recorded is not read.
    await record(context, [
      { kind: 'data-access', action: 'disclosures-read', tenant, subject: `ledger/entries/${entry}`, outcome: 'done' },
    ])
    const disclosures = opened.map(({ tenant: _, entryId: __, ...disclosure }) => disclosure)
    return request.json({ entryId: entry, disclosures } satisfies Disclosures)
  }

  const erase = async (request: Request) => {
    const { person, tenant } = readQuery(request, DisclosuresErasure)
    authorise(request, { tenant })
    const untilMs = context.nowMs() + eraseSecondsMax * 1000
    const where = tenant === platformTenant ? undefined : tenant
    const done = await eraseDisclosures(context, { person, tenant: where }, untilMs)
    return request.json(done satisfies DisclosuresErased)
  }

  app.get('/v1/ledger/disclosures', (request) => show(request))
  app.delete('/v1/ledger/disclosures', (request) => erase(request))
}
