import { hash } from 'node:crypto'
import {
  AgentId,
  collections,
  deadLetterAttribute,
  DeadLetterDocument,
  deadLetterName,
  deadLetterShards,
  deadLetterTopic,
  platformTenant,
  problemMessage,
  Slug,
  topics,
  type Problem,
} from '@infinity-matrix/contracts'
import { dieAgain } from '@infinity-matrix/core/dead-letter-life'
import type { Context } from './context.ts'
import { createErasedAgents } from './erased-agents.ts'
import { isExisting } from './failure.ts'
import { recordIn, sealSoon } from './ledger.ts'
import { publish } from './publish.ts'

/** An input that no handler can accept, on its way to the dead letters. */
export interface DeadLetter {
  /** The same input has the same id however often it is delivered, so it is kept once. */
  id: string
  topic: string
  problem: Problem
  original: Uint8Array
  messageId: string
  attributes: Record<string, string>
  publishedAt: string
}

// A document holds 1 MiB, of which the attributes may take an eighth; what is larger is cut.
const partBytes = 800_000
// Pub/Sub allows 100 attributes, and three are ours.
const attributesKept = 97
// Pub/Sub allows 1,024 bytes for an attribute's value.
const attributeLengthMax = 256

/**
 * Keeps a refused input in `deadLetters/{id}` and announces it on the topic's dead-letter topic, with the reason and the
 * original bytes. Both are done when it returns; doing it again changes nothing but the announcement. A replayed letter
 * that dies again is the same letter, open once more. One of an agent whose data was deleted is not kept.
 */
export const keepDeadLetter = async (context: Context, letter: DeadLetter): Promise<void> => {
  if (await isOfErasedAgent(context, letter)) return
  const replayed = letter.attributes[deadLetterAttribute] ?? ''
  const isKnown = deadLetterName.test(replayed) && (await noteDeath(context, replayed, letter))
  const id = isKnown ? replayed : letter.id
  if (!isKnown) await keep(context, letter)
  const { topic, problem, original, attributes } = letter
  const own = Object.values(topics).find(({ name }) => name === topic)
  // Subscribers' letters are told of nowhere: their owners look for them.
  if (!own) return
  await publish(context, deadLetterTopic(own.name), {
    data: Buffer.from(original),
    attributes: {
      ...Object.fromEntries(Object.entries(attributes).slice(0, attributesKept)),
      [deadLetterAttribute]: id,
      deadLetterCode: problem.code,
      deadLetterReason: problemMessage(problem).slice(0, attributeLengthMax),
    },
  })
}

const isOfErasedAgent = async (context: Context, { original }: DeadLetter): Promise<boolean> => {
  const { subject, tenant } = addressOf(original)
  const agentId = AgentId.safeParse(subject?.replace(/^agents\//, ''))
  if (!agentId.success) return false
  const erasedAgents = createErasedAgents(context)
  const erased = (await erasedAgents.find([agentId.data])).get(agentId.data)
  if (!erased || (tenant !== null && tenant !== erased.tenant)) return false
  await erasedAgents.noteLate(agentId.data, erased)
  return true
}

const keep = async (context: Context, letter: DeadLetter): Promise<void> => {
  const { firestore, nowMs } = context
  const { id, topic, problem, original, messageId, attributes, publishedAt } = letter
  const document = firestore.collection(collections.deadLetters).doc(id)
  const parts = original.length > partBytes ? Math.ceil(original.length / partBytes) : 0
  for (let part = 0; part < parts; part++) {
    const bytes = Buffer.from(original.subarray(part * partBytes, (part + 1) * partBytes))
    await document.collection(collections.parts).doc(String(part)).set({ bytes })
  }
  const kept: DeadLetterDocument = {
    ...problem,
    topic,
    message: problemMessage(problem),
    ...addressOf(original),
    messageId,
    attributes: Object.entries(attributes).map(([name, value]) => ({ name, value })),
    publishedAt,
    deadAt: new Date(nowMs()).toISOString(),
    shard: Number.parseInt(hash('sha256', id).slice(0, 2), 16) % deadLetterShards,
    original: parts === 0 ? Buffer.from(original) : null,
    partCount: parts,
    digest: hash('sha256', original),
    life: { status: 'open' },
    attempts: 0,
  }
  try {
    const batch = firestore.batch()
    batch.create(document, kept)
    recordIn(context, batch, [
      {
        kind: 'error',
        action: 'input-refused',
        tenant: Slug.safeParse(kept.tenant).data ?? platformTenant,
        subject: document.path,
        outcome: 'failed',
        reason: problem.code,
        details: { topic },
      },
    ])
    await batch.commit()
    await sealSoon(context)
  } catch (error) {
    if (!isExisting(error)) throw error
    // The same message, delivered again, says nothing new. A report that is refused at its place in the order may come
    // in another message: then it was replayed.
    if (messageId === '') await noteDeath(context, id, letter)
  }
}

/** Notes on a letter that its bytes were refused once more. @returns false when these are not the letter's bytes */
const noteDeath = ({ firestore }: Context, id: string, { topic, problem, original }: DeadLetter): Promise<boolean> => {
  const document = firestore.collection(collections.deadLetters).doc(id)
  return firestore.runTransaction(async (transaction) => {
    const snapshot = await transaction.get(document)
    if (!snapshot.exists) return false
    const known = DeadLetterDocument.parse(snapshot.data())
    if (known.topic !== topic || known.digest !== hash('sha256', original)) return false
    const decided = dieAgain(known)
    if (decided.kind === 'next')
      transaction.update(document, { ...decided.letter, ...problem, message: problemMessage(problem) })
    return true
  })
}

/** Whose event it was meant to be, as far as that can be read. */
export const addressOf = (original: Uint8Array): { subject: string | null; tenant: string | null } => {
  const text = (value: unknown) => (typeof value === 'string' && value.length <= attributeLengthMax ? value : null)
  try {
    const body: unknown = JSON.parse(Buffer.from(original).toString('utf8'))
    if (typeof body !== 'object' || body === null) return { subject: null, tenant: null }
    return {
      subject: 'subject' in body ? text(body.subject) : null,
      tenant: 'tenant' in body ? text(body.tenant) : null,
    }
  } catch {
    return { subject: null, tenant: null }
  }
}
