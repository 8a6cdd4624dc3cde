import { hash } from 'node:crypto'
import {
  ingestBytesMax,
  ingestEventsMax,
  ingestItemsOf,
  ingestMediaTypes,
  ingestWaitSecondsMax,
  isNestedDeeper,
  isReport,
  jsonDepthMax,
  topics,
  type FieldError,
  type IngestAnswer,
  type IngestItem,
  type Parsed,
  type Problem,
} from '@infinity-matrix/contracts'
import { ingestAnswerOf, judgeIngested, messagesOf } from '@infinity-matrix/core/fleet'
import type { Delivery, NotTakenEvent, TakenEvent, Verdict } from '@infinity-matrix/core/fleet'
import type { Context as Request } from 'hono'
import type { Context } from '../runtime/context.ts'
import { addressOf, keepDeadLetter } from '../runtime/dead-letters.ts'
import { messageOf } from '../runtime/failure.ts'
import { log } from '../runtime/log.ts'
import { authorise, mayDo, type Target } from '../runtime/http/authorise.ts'
import { preferredWaitSeconds } from '../runtime/prefer.ts'
import { RequestProblem, unavailable } from '../runtime/problem.ts'
import { publish } from '../runtime/publish.ts'
import { mediaTypeOf, nestedTooDeep, notValid, readBytes, textOf } from '../runtime/request-body.ts'
import { settledWithin } from '../runtime/settled-within.ts'

type Fold = (delivery: Delivery) => Promise<Verdict>

/** Whose an event says that it is, as far as that can be read. */
type Address = Record<'tenant' | 'subject', string | null>

interface IntakeOptions {
  context: Context
  /** Folds one report. Where it fails the event is accepted all the same: what is published is folded later. */
  fold: Fold
  /** With more under way, memory would be an instance's limit, and its answers late. */
  eventsUnderWayMax?: number
  /** Google's client tries for ten minutes; by then nobody listens. */
  publishSecondsMax?: number
}

const retryAfterSeconds = 1
const bytesOf = (text: string) => Buffer.byteLength(text)

/**
 * What serves `POST /v1/events`. It answers when every event is published or kept as a dead letter, with what became of
 * each: 202, or 200 when the client preferred to wait and its reports are in state. A request that is repeated changes
 * nothing.
 */
export const createIntake = ({ context, fold, eventsUnderWayMax = 20_000, publishSecondsMax = 20 }: IntakeOptions) => {
  let eventsUnderWay = 0

  return async (request: Request): Promise<Response> => {
    const bytes = await readBytes(request, { mediaTypes: ingestMediaTypes, bytesMax: ingestBytesMax })
    const text = textOf(bytes)
    const items = text.ok ? itemsIn(text.value, mediaTypeOf(request)) : text
    if (!items.ok) {
      authoriseSender(request, [addressOf(bytes)])
      await keepRefused(context, items.problem, bytes)
      throw notValid(400, [items.problem])
    }
    const count = items.value.length
    if (count > ingestEventsMax) throw tooManyEvents(count)
    if (eventsUnderWay + count > eventsUnderWayMax) throw busy()
    eventsUnderWay += count
    try {
      const judged = items.value.map((item) => judgeIngested(item, context.nowMs(), bytesOf))
      authoriseSender(
        request,
        judged.map((one) => (one.status === 'taken' ? one.event : addressOf(Buffer.from(one.raw ?? bytes)))),
      )
      const settled = settle(context, judged, bytes)
      if ((await settledWithin(settled, publishSecondsMax)) === 'late') throw busy()
      const taken = judged.filter((one) => one.status === 'taken')
      const waitSeconds = preferredWaitSeconds(request.req.header('prefer'), ingestWaitSecondsMax)
      const verdicts = waitSeconds === undefined ? undefined : await foldWithin(context, fold, taken, waitSeconds)
      const answer = ingestAnswerOf(judged, verdicts ?? new Map())
      if (taken.length === 0) throw noneAccepted(answer)
      const isInState = taken.every((one) => verdicts?.has(one))
      if (waitSeconds !== undefined) request.header('preference-applied', `wait=${waitSeconds}`)
      return request.json(answer, isInState ? 200 : 202)
    } finally {
      eventsUnderWay -= count
    }
  }
}

/**
 * Who sends events may do so in the tenant of each, and an agent for itself only; what is refused is kept in the tenant that
 * it names, so that counts too. One event that is not the sender's fails the request, before anything is published.
 */
const authoriseSender = (request: Request, addresses: readonly Address[]): void => {
  const targets = new Map<string, Target>()
  for (const { tenant, subject } of addresses)
    if (tenant !== null)
      targets.set(`${tenant} ${subject}`, { tenant, agentId: (subject ?? '').replace(/^agents\//, '') })
  const all = [...targets.values()]
  const judgedBy = all.find((target) => !mayDo(request, target).isAllowed) ?? all[0]
  if (!judgedBy) return
  const detail = 'You may not send events of that agent, or in that tenant.'
  authorise(request, judgedBy, new RequestProblem(403, { detail }))
}

const itemsIn = (text: string, mediaType: string): Parsed<IngestItem[]> =>
  isNestedDeeper(text, jsonDepthMax) ? { ok: false, problem: nestedTooDeep } : ingestItemsOf(text, mediaType)

/** Publishes what is taken, and keeps what is not. */
const settle = async (
  context: Context,
  judged: readonly (TakenEvent | NotTakenEvent)[],
  body: Uint8Array,
): Promise<unknown> => {
  const taken = judged.filter((one) => one.status === 'taken')
  const refused = judged.filter((one) => one.status === 'not-taken')
  return Promise.all([
    ...messagesOf(taken).map(({ topic, text }) => publish(context, topic, { data: Buffer.from(text) })),
    ...refused.map(({ problem, raw }) => keepRefused(context, problem, raw === undefined ? body : Buffer.from(raw))),
  ])
}

const keepRefused = (context: Context, problem: Problem, original: Uint8Array): Promise<void> =>
  keepDeadLetter(context, {
    // The same input has the same name, however often it is sent.
    id: `http-${hash('sha256', original).slice(0, 32)}`,
    topic: topics.stateChanges.name,
    problem,
    original,
    messageId: '',
    attributes: {},
    publishedAt: new Date(context.nowMs()).toISOString(),
  })

/** The verdict of each report that was folded in time. */
const foldWithin = async (context: Context, fold: Fold, taken: readonly TakenEvent[], seconds: number) => {
  const publishedAt = new Date(context.nowMs()).toISOString()
  const verdicts = new Map<TakenEvent, Verdict>()
  const reports = taken.filter(({ event }) => isReport(event))
  const folded = reports.map(async (one) => {
    try {
      verdicts.set(one, await fold({ event: one.event, raw: one.raw, publishedAt }))
    } catch (error) {
      log.warn('not folded at once', { error: messageOf(error) })
    }
  })
  await settledWithin(Promise.all(folded), seconds)
  return verdicts
}

const tooManyEvents = (count: number) =>
  new RequestProblem(413, {
    detail: `A request holds at most ${ingestEventsMax} events, and this one has ${count}.`,
    limit: ingestEventsMax,
    value: count,
  })

const busy = () => unavailable('Too much is under way: send the same request again.', retryAfterSeconds)

const noneAccepted = (answer: IngestAnswer) => {
  const errors = answer.results.flatMap((result, event): FieldError[] => {
    if (result.status === 'accepted') return []
    const { field, rule } = result.problem
    return [{ field, rule, event, ...(result.line === undefined ? {} : { line: result.line }) }]
  })
  return new RequestProblem(422, { detail: 'No event of the request is accepted.', errors, ...answer })
}
