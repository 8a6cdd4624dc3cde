import {
  ConsistencyQuery,
  InclusionQuery,
  LedgerEntriesQuery,
  platformTenant,
  WindowQuery,
  type ConsistencyHashes,
  type LedgerEntriesPage,
  type WindowProof,
} from '@infinity-matrix/contracts'
import { toBase64 } from '@infinity-matrix/core/base64'
import { canonicalJson } from '@infinity-matrix/core/canonical-json'
import { formatInclusionProof } from '@infinity-matrix/core/ledger'
import { consistencyProof, inclusionProof } from '@infinity-matrix/core/merkle'
import type { Firestore } from '@google-cloud/firestore'
import type { Context as Request, Hono } from 'hono'
import { authorise, tenantOfList } from '../../runtime/http/authorise.ts'
import { RequestProblem, unavailable } from '../../runtime/problem.ts'
import { notValid, readQuery } from '../../runtime/request-body.ts'
import { sha256 } from '../../runtime/sha256.ts'
import type { LogReader } from '../reader.ts'
import { createSearch } from '../search.ts'
import type { LogStore } from '../store.ts'
import { findPart } from '../windows.ts'

/** Entries as they are looked for, and the proofs of what the log says of them. */
export const serveEntries = (
  app: Hono,
  firestore: Firestore,
  { store, reader }: { store: LogStore; reader: LogReader },
): void => {
  const search = createSearch(firestore)

  const list = async (request: Request) => {
    const { limit, before, tenant: asked, ...filter } = readQuery(request, LedgerEntriesQuery)
    const tenant = tenantOfList(request, asked)
    return request.json((await search.page({ ...filter, tenant }, limit, before)) satisfies LedgerEntriesPage)
  }

  /** The log as far as it is signed. */
  const signed = async () => {
    const { tree, checkpoint } = await store.read()
    if (!checkpoint) throw unavailable('Nothing is sealed yet.', 1)
    return { tree, checkpoint }
  }

  const inclusion = async (request: Request) => {
    const { entry: id } = readQuery(request, InclusionQuery)
    const missing = new RequestProblem(404, { detail: 'There is no such entry, or it is not sealed yet.' })
    const found = await search.find(id)
    if (!found) throw missing
    authorise(request, { tenant: found.entry.tenant }, missing)
    const { tree, checkpoint } = await signed()
    if (found.index >= checkpoint.size) throw unavailable('The entry is sealed, and not signed yet.', 1)
    const { index, bytes: entry } = found
    const proof = await inclusionProof(sha256, reader.readFor(tree), index, checkpoint.size)
    return request.text(formatInclusionProof({ index, proof, entry, checkpoint: checkpoint.text }))
  }

  const consistency = async (request: Request) => {
    const { from, to: asked } = readQuery(request, ConsistencyQuery)
    const { tree, checkpoint } = await signed()
    const to = asked ?? checkpoint.size
    if (to > checkpoint.size) throw notValid(400, [{ field: 'to', rule: `must be at most ${checkpoint.size}` }])
    if (from > to) throw notValid(400, [{ field: 'from', rule: `must be at most ${to}` }])
    const proof = await consistencyProof(sha256, reader.readFor(tree), from, to)
    return request.json({ from, to, proof: proof.map(toBase64) } satisfies ConsistencyHashes)
  }

  const ofWindow = async (request: Request) => {
    const { window, agent } = readQuery(request, WindowQuery)
    const missing = new RequestProblem(404, { detail: 'The agent has nothing in that window.' })
    const found = await findPart(firestore, window, agent)
    if (!found) throw missing
    const { path, part, index, size, proof } = found
    authorise(request, { tenant: part.tenant }, missing)
    const { entries } = await search.page({ subject: path, tenant: platformTenant }, 1, undefined)
    const { tree, checkpoint } = await signed()
    const [sealed] = entries
    if (!sealed || sealed.index >= checkpoint.size) throw unavailable('The window is not sealed and signed yet.', 1)
    const inLog = await inclusionProof(sha256, reader.readFor(tree), sealed.index, checkpoint.size)
    return request.json({
      window: { part, index, size, proof: proof.map(toBase64) },
      entry: canonicalJson(sealed.entry),
      index: sealed.index,
      proof: inLog.map(toBase64),
      checkpoint: checkpoint.text,
    } satisfies WindowProof)
  }

  app.get('/v1/ledger/entries', (request) => list(request))
  app.get('/v1/ledger/proofs/inclusion', (request) => inclusion(request))
  app.get('/v1/ledger/proofs/window', (request) => ofWindow(request))
  app.get('/v1/ledger/proofs/consistency', (request) => consistency(request))
}
