import {
  ConsistencyQuery,
  InclusionQuery,
  LedgerEntriesQuery,
  type ConsistencyHashes,
  type LedgerEntriesPage,
} from '@infinity-matrix/contracts'
import { toBase64 } from '@infinity-matrix/core/base64'
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

  app.get('/v1/ledger/entries', (request) => list(request))
  app.get('/v1/ledger/proofs/inclusion', (request) => inclusion(request))
  app.get('/v1/ledger/proofs/consistency', (request) => consistency(request))
}
