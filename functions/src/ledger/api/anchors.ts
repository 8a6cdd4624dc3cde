import {
  collections,
  LedgerAnchor,
  ledgerAnchorsPageSize,
  LedgerAnchorsQuery,
  type LedgerAnchorsPage,
} from '@infinity-matrix/contracts'
import type { Firestore } from '@google-cloud/firestore'
import type { Context as Request, Hono } from 'hono'
import { readQuery } from '../../runtime/request-body.ts'

/** Where checkpoints of the log are anchored, with the evidence. */
export const serveAnchors = (app: Hono, firestore: Firestore): void => {
  const list = async (request: Request) => {
    const { after } = readQuery(request, LedgerAnchorsQuery)
    const all = firestore.collection(collections.ledgerAnchors).where('size', '>', after).orderBy('size')
    const { docs } = await all.limit(ledgerAnchorsPageSize).get()
    const anchors = docs.flatMap((snapshot) => {
      const { size, state } = LedgerAnchor.parse(snapshot.data())
      return state.status === 'anchored' ? [{ id: snapshot.id, size, anchor: state.anchor }] : []
    })
    // One that is on its way is the last: there is nothing after it yet.
    const next = docs.length === ledgerAnchorsPageSize ? (anchors.at(-1)?.size ?? null) : null
    return request.json({ anchors, next } satisfies LedgerAnchorsPage)
  }

  app.get('/v1/ledger/anchors', (request) => list(request))
}
