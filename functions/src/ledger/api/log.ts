import { parseTilePath } from '@infinity-matrix/core/merkle'
import type { Context as Request, Hono } from 'hono'
import { RequestProblem } from '../../runtime/problem.ts'
import { policyText, type LogKeys } from '../policy-text.ts'
import type { LogReader } from '../reader.ts'
import type { LogStore } from '../store.ts'

export interface LogOptions {
  store: LogStore
  reader: LogReader
  keys: () => Promise<LogKeys>
}

const plainText = { 'content-type': 'text/plain; charset=utf-8' }
const secondsOld = 'public, max-age=1'
const forever = 'public, max-age=31536000, immutable'
const hidden = 'private, max-age=31536000, immutable'

/**
 * The log as tlog-tiles has it: its checkpoint and its hashes for everybody, its entries for those who may read them all.
 *
 * @see https://c2sp.org/tlog-tiles
 */
export const serveLog = (app: Hono, { store, reader, keys }: LogOptions): void => {
  const checkpoint = async (request: Request) => {
    const { checkpoint: latest } = await store.read()
    if (!latest) throw new RequestProblem(404, { detail: 'Nothing is sealed yet.' })
    return request.text(latest.text, 200, { ...plainText, 'cache-control': secondsOld })
  }

  const tile = async (request: Request, cacheControl: string) => {
    const named = parseTilePath(request.req.path.slice(1))
    if (!named) throw new RequestProblem(404, { detail: 'The path is no tile of c2sp.org/tlog-tiles.' })
    const bytes = await reader.tileOf((await store.read()).tree, named)
    if (!bytes) throw new RequestProblem(404, { detail: 'The log has no such tile.' })
    return request.body(new Uint8Array(bytes), 200, {
      'content-type': 'application/octet-stream',
      'cache-control': cacheControl,
    })
  }

  /** Who verifies should have the keys from elsewhere, or keep them. */
  const policy = async (request: Request) => request.text(policyText(await keys()), 200, plainText)

  app.get('/checkpoint', (request) => checkpoint(request))
  // Apart from each other: each has its own row in the policy.
  app.get('/tile/:level{[0-9]+}/*', (request) => tile(request, forever))
  app.get('/tile/entries/*', (request) => tile(request, hidden))
  app.get('/v1/ledger/policy', (request) => policy(request))
}
