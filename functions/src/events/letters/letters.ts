import {
  collections,
  deadLetterAttribute,
  DeadLetterDocument,
  DeadLetterPart,
  deadLetterShards,
  platformTenant,
  problemCodes,
  Slug,
  subscriberTopicPrefix,
  topics,
  undeliveredCodes,
  type DeadLetterFilter,
  type DeadLetterGroup,
  type DeadLetterStatus,
  type DeadLetterSummary,
  type ProblemCode,
} from '@infinity-matrix/contracts'
import {
  beginPublication,
  dieAgain,
  endPublication,
  type Decided,
  type LetterLife,
} from '@infinity-matrix/core/dead-letter-life'
import type { DocumentSnapshot, Query } from '@google-cloud/firestore'
import type { Context } from '../../runtime/context.ts'
import { isRefusedTarget, messageOf } from '../../runtime/failure.ts'
import { recorded } from '../../runtime/ledger.ts'
import { publish, type OutgoingMessage } from '../../runtime/publish.ts'
import { topicOf } from '../subscriptions/endpoint-queue.ts'
import { createSubscriptions } from '../subscriptions/subscriptions.ts'

export interface Letter {
  id: string
  document: DeadLetterDocument
}

/** Where a page of letters ends. */
export type LetterPosition = Pick<Letter, 'id'> & Pick<DeadLetterDocument, 'deadAt'>

const correctionPart = 'correction'
// Pub/Sub allows 100 attributes, and one is ours.
const attributesSent = 99
// Of groups that are shown at once; a filter by tenant has fewer, and one by topic a single one.
const subscriberTopicsMax = 200

/** There is no such letter. */
export class NoLetterError extends Error {
  readonly code = 'no-letter'

  constructor() {
    super('there is no such dead letter')
  }
}

export const isNoLetter = (error: unknown): error is NoLetterError =>
  error instanceof Error && 'code' in error && error.code === 'no-letter'

/** Dead letters in Firestore, and their way back to their topics. */
export const createLetters = (context: Context) => {
  const { firestore, nowMs } = context
  const letters = firestore.collection(collections.deadLetters)
  const partOf = (id: string, part: string) => letters.doc(id).collection(collections.parts).doc(part)
  const subscriptions = createSubscriptions(context)
  const now = () => new Date(nowMs()).toISOString()

  // A query over all shards: Firestore merges their ranges of the index.
  const matching = (filter: DeadLetterFilter & { status?: DeadLetterStatus | undefined }): Query => {
    const { topic, code, tenant, agent, from, until, status } = filter
    const subject = agent === undefined ? undefined : `agents/${agent}`
    let query = letters.where('shard', 'in', [...Array(deadLetterShards).keys()])
    for (const [field, value] of Object.entries({ topic, code, tenant, subject, 'life.status': status }))
      if (value !== undefined) query = query.where(field, '==', value)
    if (from !== undefined) query = query.where('deadAt', '>=', instant(from))
    return until === undefined ? query : query.where('deadAt', '<', instant(until))
  }

  /** The next letters after a position, the youngest first. */
  const page = async (
    filter: Parameters<typeof matching>[0],
    limit: number,
    after: LetterPosition | null,
  ): Promise<Letter[]> => {
    const ordered = matching(filter).orderBy('deadAt', 'desc').orderBy('__name__', 'desc')
    const { docs } = await (after ? ordered.startAfter(after.deadAt, after.id) : ordered).limit(limit).get()
    return docs.map(letterOf)
  }

  const count = async (filter: Parameters<typeof matching>[0]): Promise<number> =>
    (await matching(filter).count().get()).data().count

  // From one subscriber's topic to the next, by the index: a read for each, however many letters it has.
  const subscriberTopics = async (code: ProblemCode, { tenant }: DeadLetterFilter): Promise<string[]> => {
    const undelivered = letters.where('code', '==', code)
    const ofTenant = tenant === undefined ? undelivered : undelivered.where('tenant', '==', tenant)
    const found: string[] = []
    while (found.length < subscriberTopicsMax) {
      const after = found.at(-1) ?? subscriberTopicPrefix
      const { docs } = await ofTenant.where('topic', '>', after).orderBy('topic').limit(1).get()
      const topic: unknown = docs[0]?.get('topic')
      if (typeof topic !== 'string' || !topic.startsWith(subscriberTopicPrefix)) break
      found.push(topic)
    }
    return found
  }

  const topicsOf = async (code: ProblemCode, filter: DeadLetterFilter): Promise<string[]> => {
    if (filter.topic !== undefined) return [filter.topic]
    const isOfSubscribers = undeliveredCodes.some((one) => one === code)
    return isOfSubscribers ? subscriberTopics(code, filter) : Object.values(topics).map(({ name }) => name)
  }

  /**
   * Letters by topic and reason. Counted by aggregation queries on the index: always right, no write for a letter, and one
   * read for 1,000 letters.
   */
  const groups = async (filter: DeadLetterFilter): Promise<DeadLetterGroup[]> => {
    const codes = filter.code === undefined ? problemCodes : [filter.code]
    const dead = await Promise.all(codes.map(async (code) => ({ code, letters: await count({ ...filter, code }) })))
    const reasons = dead.filter(({ letters: some }) => some > 0)
    const all = await Promise.all(
      reasons.map(async ({ code }) => (await topicsOf(code, filter)).map((topic) => ({ ...filter, topic, code }))),
    )
    const counted = await Promise.all(
      all.flat().map(async ({ topic, code, ...rest }) => {
        const group = { ...rest, topic, code }
        const [some, open, [youngest]] = await Promise.all([
          count(group),
          count({ ...group, status: 'open' }),
          page(group, 1, null),
        ])
        return { topic, code, letters: some, open, youngest: youngest ? summaryOf(youngest) : null }
      }),
    )
    return counted.filter(({ letters: some }) => some > 0).toSorted((a, b) => b.letters - a.letters)
  }

  /** @throws {NoLetterError} */
  const get = async (id: string): Promise<Letter> => letterOf(await letters.doc(id).get())

  const originalOf = async ({ id, document }: Letter): Promise<Uint8Array> => {
    if (document.original) return document.original
    const names = Array.from({ length: document.partCount }, (_, part) => String(part))
    const parts = await Promise.all(names.map((name) => partOf(id, name).get()))
    return Buffer.concat(parts.map((part) => DeadLetterPart.parse(part.data()).bytes))
  }

  const correctionOf = async (id: string): Promise<Uint8Array> =>
    DeadLetterPart.parse((await partOf(id, correctionPart).get()).data()).bytes

  /** Decides about a letter as it stands, and stores what is decided. @throws {NoLetterError} */
  const decide = (
    id: string,
    decision: (letter: LetterLife) => Decided,
    correction?: Uint8Array,
  ): Promise<{ decided: Decided; letter: Letter }> =>
    recorded(context, async (transaction, record) => {
      const letter = letterOf(await transaction.get(letters.doc(id)))
      const decided = decision(letter.document)
      if (decided.kind !== 'next') return { decided, letter }
      transaction.update(letters.doc(id), { ...decided.letter })
      if (correction) transaction.set(partOf(id, correctionPart), { bytes: Buffer.from(correction) })
      record({
        kind: 'change',
        action: `dead-letter-${decided.letter.life.status}`,
        tenant: Slug.safeParse(letter.document.tenant).data ?? platformTenant,
        subject: `${collections.deadLetters}/${id}`,
        outcome: 'done',
        details: { from: letter.document.life.status },
      })
      return { decided, letter: { id, document: { ...letter.document, ...decided.letter } } }
    })

  /** Publishes where a letter's topic says. @returns why a subscriber's target does not take it; undefined when it does */
  const send = async (topic: string, message: OutgoingMessage): Promise<string | undefined> => {
    if (!topic.startsWith(subscriberTopicPrefix)) {
      await publish(context, topic, message)
      return undefined
    }
    const subscription = await subscriptions.get(topic.slice(subscriberTopicPrefix.length))
    if (!subscription) return 'is of a subscription that is gone'
    try {
      // Their topics are not ours to make.
      await context.topic(topicOf(subscription)).publishMessage(message)
      return undefined
    } catch (error) {
      if (isRefusedTarget(error)) return `is not taken: ${messageOf(error)}`
      throw error
    }
  }

  /**
   * Publishes a letter's bytes again, or what corrects them. That it is about to is stored first, so that a crash in
   * between leaves a letter that is taken up again.
   *
   * @param correction already known to be acceptable
   * @param by the replay of many letters that this belongs to
   * @throws {NoLetterError}
   */
  const replay = async (
    id: string,
    { correction, by = null }: { correction?: Uint8Array; by?: string | null } = {},
  ) => {
    const corrected = correction !== undefined
    const begun = await decide(id, (letter) => beginPublication(letter, { corrected, by, now: now() }), correction)
    const { life, topic, attributes } = begun.letter.document
    if (begun.decided.kind !== 'next' || life.status !== 'replaying') return begun
    const sent = Object.fromEntries(attributes.slice(0, attributesSent).map(({ name, value }) => [name, value]))
    // A correction is an input of its own: should it die, it is a letter of its own.
    const message = life.corrected
      ? { data: Buffer.from(await correctionOf(id)), attributes: sent }
      : { data: Buffer.from(await originalOf(begun.letter)), attributes: { ...sent, [deadLetterAttribute]: id } }
    const refusal = await send(topic, message)
    if (refusal !== undefined) {
      const { letter } = await decide(id, dieAgain)
      return { decided: { kind: 'refused' as const, rule: refusal }, letter }
    }
    const ended = await decide(id, (letter) => endPublication(letter, now()))
    return { decided: begun.decided, letter: ended.letter }
  }

  return { page, count, groups, get, originalOf, correctionOf, decide, replay, now }
}

export type Letters = ReturnType<typeof createLetters>

const instant = (time: string) => new Date(Date.parse(time)).toISOString()

const letterOf = (snapshot: DocumentSnapshot): Letter => {
  if (!snapshot.exists) throw new NoLetterError()
  return { id: snapshot.id, document: DeadLetterDocument.parse(snapshot.data()) }
}

export const summaryOf = ({ id, document }: Letter): DeadLetterSummary => {
  const { topic, code, field, rule, subject, tenant, publishedAt, deadAt, life, attempts } = document
  return { id, topic, code, field, rule, subject, tenant, publishedAt, deadAt, life, attempts }
}
