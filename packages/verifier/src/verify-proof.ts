import { ChainProof, ConsistencyProof, HistoryProof, LedgerEntry, windowPartText } from '@infinity-matrix/contracts'
import { fromBase64, toBase64 } from '@infinity-matrix/core/base64'
import {
  entryForm,
  extensionFault,
  LedgerFault,
  parseInclusionProof,
  type Checkpoint,
  type Policy,
  type SignedBy,
} from '@infinity-matrix/core/ledger'
import { linked } from '@infinity-matrix/core/event-chain'
import { inclusionFault, leafHash } from '@infinity-matrix/core/merkle'
import { textOf } from './log-files.ts'
import { sha256 } from './sha256.ts'
import { openWith } from './verify-log.ts'
import { within } from './within.ts'

/** What a proof was found to prove, of the log as it was at a checkpoint. */
export interface Proved {
  origin: string
  size: number
  signedBy: SignedBy[]
  /** What is in the log, by its index there; nothing where one checkpoint extends another. */
  entries: { index: number; entry: LedgerEntry }[]
  /** The size of the earlier checkpoint, where one was proved to be extended. */
  extendsSize: number | null
  /** Whose events were proved to be these, and no others before the last. */
  chain?: { agentId: string; events: number }
}

/**
 * Verifies a proof by nothing but public keys: an inclusion proof (tlog-proof), or a consistency, history or chain proof in JSON.
 *
 * @param entry the entry of an inclusion proof that does not hold it
 * @throws LedgerFault
 */
export const verifyProof = (policy: Policy, text: string, entry: Uint8Array | null = null): Proved => {
  if (!text.startsWith('{')) return verifyInclusion(policy, text, entry)
  const proof = parseJson(text)
  const kind = typeof proof === 'object' && proof !== null && 'kind' in proof ? proof.kind : undefined
  if (kind === 'consistency') return verifyConsistency(policy, parsed(ConsistencyProof, proof))
  if (kind === 'history') return verifyHistory(policy, parsed(HistoryProof, proof))
  if (kind === 'chain') return verifyChain(policy, parsed(ChainProof, proof))
  throw new LedgerFault('kind', 'is consistency, history or chain')
}

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new LedgerFault('proof', `is no JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
}

const parsed = <T>(schema: { safeParse: (value: unknown) => SafeParsed<T> }, value: unknown): T => {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw new LedgerFault(issue?.path.join('.') || 'proof', issue?.message ?? 'is not of its schema')
}

type SafeParsed<T> =
  | { success: true; data: T }
  | { success: false; error: { issues: { path: PropertyKey[]; message: string }[] } }

const verifyInclusion = (policy: Policy, text: string, given: Uint8Array | null): Proved => {
  const { index, proof, entry, checkpoint } = parseInclusionProof(text)
  const bytes = given ?? entry
  if (bytes === null) throw new LedgerFault('proof', 'does not hold the entry, and none was given')
  const { checkpoint: head, signedBy } = openWith(policy, checkpoint)
  const included = includedEntry(head, index, textOf(bytes, 'entry'), proof, 'proof')
  return { origin: head.origin, size: head.size, signedBy, entries: [{ index, entry: included }], extendsSize: null }
}

/** The entry of a text that is proved to be in the log. */
const includedEntry = (
  { size, root }: Checkpoint,
  index: number,
  text: string,
  proof: readonly Uint8Array[],
  position: string,
) => {
  const hash = leafHash(sha256, Buffer.from(text))
  const fault = inclusionFault(sha256, { index, hash, size, root, proof }) ?? entryForm(text).fault
  if (fault !== undefined) throw new LedgerFault(position, fault)
  return LedgerEntry.parse(JSON.parse(text))
}

const verifyConsistency = (policy: Policy, { from, to, proof }: ConsistencyProof): Proved => {
  const earlier = within('from', () => openWith({ ...policy, isQuorum: () => true }, from))
  const later = within('to', () => openWith(policy, to))
  if (earlier.checkpoint.origin !== later.checkpoint.origin)
    throw new LedgerFault('to line 1', `is of another log, ${later.checkpoint.origin}`)
  const fault = extensionFault(sha256, earlier.checkpoint, later.checkpoint, proof.map(hashOf))
  if (fault !== undefined) throw new LedgerFault('proof', fault)
  const { origin, size } = later.checkpoint
  return { origin, size, signedBy: later.signedBy, entries: [], extendsSize: earlier.checkpoint.size }
}

const verifyHistory = (policy: Policy, { agentId, checkpoint, entries }: HistoryProof): Proved => {
  const { checkpoint: head, signedBy } = within('checkpoint', () => openWith(policy, checkpoint))
  const included = entries.map(({ index, entry, proof }, at) => ({
    index,
    entry: includedEntry(head, index, entry, proof.map(hashOf), `entries.${at}`),
  }))
  for (const [at, { index, entry }] of included.entries()) {
    if (at > 0 && index <= (included[at - 1]?.index ?? 0))
      throw new LedgerFault(`entries.${at}.index`, 'does not stand after the one before it in the log')
    if (!isOf(entry, agentId)) throw new LedgerFault(`entries.${at}.entry`, `is neither about ${agentId} nor by it`)
  }
  return { origin: head.origin, size: head.size, signedBy, entries: included, extendsSize: null }
}

const textHash = (text: string): string => toBase64(sha256(text))

const verifyChain = (policy: Policy, { events, window, entry, index, proof, checkpoint }: ChainProof): Proved => {
  const { checkpoint: log, signedBy } = within('checkpoint', () => openWith(policy, checkpoint))
  const included = includedEntry(log, index, entry, proof.map(hashOf), 'entry')
  const root = included.kind === 'events-folded' ? included.details['root'] : undefined
  if (typeof root !== 'string') throw new LedgerFault('entry', 'is not of a window of events')
  const { part, size } = window
  const hash = leafHash(sha256, windowPartText(part))
  const place = { index: window.index, hash, size, root: hashOf(root), proof: window.proof.map(hashOf) }
  const fault = inclusionFault(sha256, place)
  if (fault !== undefined) throw new LedgerFault('window', fault)
  let head = ''
  for (const [at, event] of events.entries()) {
    if (event.text !== null && linked(textHash, head, event.text) !== event.head)
      throw new LedgerFault(`events.${at}`, 'does not lead from the head before it to the one after it')
    head = event.head
  }
  if (part.length !== events.length)
    throw new LedgerFault('events', `are ${events.length}, and the chain of ${part.agent} has ${part.length}`)
  if (part.head !== head) throw new LedgerFault('events', `do not make the head of the chain of ${part.agent}`)
  return {
    origin: log.origin,
    size: log.size,
    signedBy,
    entries: [{ index, entry: included }],
    extendsSize: null,
    chain: { agentId: part.agent, events: events.length },
  }
}

const isOf = ({ subject, actor }: LedgerEntry, agentId: string): boolean =>
  subject === `agents/${agentId}` ||
  subject.startsWith(`agents/${agentId}/`) ||
  (actor.kind === 'agent' && actor.id === agentId)

const hashOf = (text: string): Uint8Array => fromBase64(text) ?? new Uint8Array()
