import type { ConsistencyProof } from '@infinity-matrix/contracts'
import { toBase64 } from '@infinity-matrix/core/base64'
import {
  formatNote,
  isLedgerFault,
  openCheckpoint,
  type NoteSignature,
  type SignedCheckpoint,
  type VerifierKey,
} from '@infinity-matrix/core/ledger'
import { areEqual, consistencyProof, treeRoot } from '@infinity-matrix/core/merkle'
import type { Context as Request, Hono } from 'hono'
import type { Context } from '../../runtime/context.ts'
import { tellCriticalError } from '../../runtime/critical-errors.ts'
import { controlPlaneActor, record } from '../../runtime/ledger.ts'
import { RequestProblem } from '../../runtime/problem.ts'
import { notValid, readText } from '../../runtime/request-body.ts'
import { sha256 } from '../../runtime/sha256.ts'
import { verifySignature } from '../signers/signing-key.ts'
import type { LogOptions } from './log.ts'

const limits = { mediaTypes: ['text/plain'], bytesMax: 2 ** 18 }

/**
 * Takes checkpoints that others have of this log: what they have is held against the log, which is how a second history
 * would come to light; what witnesses signed of it is kept; and they get the proof that the log of now extends it.
 */
export const serveCheckpoints = (app: Hono, context: Context, { store, reader, keys }: LogOptions): void => {
  const opened = async (text: string): Promise<SignedCheckpoint & { witnesses: readonly VerifierKey[] }> => {
    const { log, witnesses } = await keys()
    try {
      return { ...openCheckpoint(verifySignature, text, log, witnesses), witnesses }
    } catch (error) {
      if (isLedgerFault(error)) throw notValid(422, [{ field: '', rule: error.message }])
      throw error
    }
  }

  /** Somebody has a checkpoint that our key signed, and that is not of this log. */
  const refuseSplitView = async (size: number, detail: string): Promise<never> => {
    await record(context, [
      {
        kind: 'error',
        action: 'split-view-found',
        actor: controlPlaneActor('ledger-api'),
        tenant: '*',
        subject: 'ledger/checkpoint',
        outcome: 'failed',
        details: { size },
      },
    ])
    await tellCriticalError(context, 'functions/ledger-api', 'split-view', new Error(detail))
    throw new RequestProblem(409, { detail })
  }

  const submit = async (request: Request) => {
    const text = await readText(request, limits)
    const { checkpoint, signedBy, note, witnesses } = await opened(text)
    const { tree, checkpoint: latest } = await store.read()
    const { size, root } = checkpoint
    // Only what is committed is ever signed.
    if (size > tree.size) await refuseSplitView(size, `The log has ${tree.size} entries, and this checkpoint ${size}.`)
    if (!areEqual(await treeRoot(sha256, reader.readFor(tree), size), root))
      await refuseSplitView(size, `The root of the first ${size} entries of the log is another.`)
    if (signedBy.some(({ key }) => witnesses.includes(key))) {
      const isKnown = (one: NoteSignature) =>
        signedBy.some(({ key }) => key.name === one.name && key.keyId === one.keyId)
      const known = { text: note.text, signatures: note.signatures.filter(isKnown) }
      await store.saveCosigned({ size, note: known, signedAt: new Date(context.nowMs()).toISOString() })
    }
    const to = latest?.text ?? text
    const toSize = latest?.size ?? size
    const proof = size > 0 && size <= toSize ? await consistencyProof(sha256, reader.readFor(tree), size, toSize) : []
    return request.json({
      kind: 'consistency',
      from: formatNote(note),
      to,
      proof: proof.map(toBase64),
    } satisfies ConsistencyProof)
  }

  const showCosigned = async (request: Request) => {
    const cosigned = await store.readCosigned()
    if (!cosigned) throw new RequestProblem(404, { detail: 'No witness has signed a checkpoint yet.' })
    return request.text(cosigned.text)
  }

  app.post('/v1/ledger/checkpoints', (request) => submit(request))
  app.get('/v1/ledger/cosigned-checkpoint', (request) => showCosigned(request))
}
