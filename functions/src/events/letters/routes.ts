import { isUtf8 } from 'node:buffer'
import {
  collections,
  DeadLetterFilter,
  DeadLetterListQuery,
  DeadLetterReplayRequest,
  messageBytesMax,
  platformTenant,
  Slug,
  topicOfEvent,
  topics,
  type DeadLetterDetail,
  type DeadLetterGroups,
  type DeadLetterList,
  type DeadLetterReplay,
  type FieldError,
  type ParsedMessage,
} from '@infinity-matrix/contracts'
import { discard, reopen } from '@infinity-matrix/core/dead-letter-life'
import type { Context as Request, Hono } from 'hono'
import { z } from 'zod'
import type { Context } from '../../runtime/context.ts'
import { readMessage } from '../../runtime/on-event.ts'
import { authorise, tenantOfList } from '../../runtime/http/authorise.ts'
import { record } from '../../runtime/ledger.ts'
import { RequestProblem } from '../../runtime/problem.ts'
import { nameIn, readJson, readQuery, readText } from '../../runtime/request-body.ts'
import { createLetters, isNoLetter, NoLetterError, summaryOf, type Letter, type LetterPosition } from './letters.ts'
import { createReplays } from './replays.ts'
import { positionOf } from './text-position.ts'

const jsonLimits = { mediaTypes: ['application/json'], bytesMax: 10_000 }
const correctionLimits = {
  mediaTypes: ['application/json', 'application/cloudevents+json', 'text/plain'],
  bytesMax: messageBytesMax,
}
// A replay that is short is over when its request is answered; the schedule goes on with the others.
const kickSeconds = 2
const reasonRule = 'must be 1 to 200 characters'
const Discard = z.strictObject({
  reason: z.string({ error: reasonRule }).min(1, { error: reasonRule }).max(200, { error: reasonRule }),
})
const topicNames = new Set<string>(Object.values(topics).map(({ name }) => name))

/** `/v1/dead-letters`, `/v1/dead-letter-groups` and `/v1/dead-letter-replays`. */
export const serveDeadLetters = (app: Hono, context: Context): void => {
  const letters = createLetters(context)
  const replays = createReplays(context, letters)

  /** The letter that a path names. */
  const letterOf = async (request: Request): Promise<Letter> => {
    const letter = await letters.get(nameIn(request))
    authorise(request, letter.document, notFound(new NoLetterError()))
    return letter
  }

  const replayOf = async (request: Request): Promise<DeadLetterReplay> => {
    const replay = await replays.get(nameIn(request))
    if (!replay) throw new RequestProblem(404)
    authorise(request, { tenant: replay.filter.tenant ?? null })
    return replay
  }

  const groups = async (request: Request): Promise<DeadLetterGroups> => ({
    groups: await letters.groups(ofCaller(request, readQuery(request, DeadLetterFilter))),
  })

  const list = async (request: Request): Promise<DeadLetterList> => {
    const { limit, cursor, ...filter } = ofCaller(request, readQuery(request, DeadLetterListQuery))
    const page = await letters.page(filter, limit, cursor === undefined ? null : positionFrom(cursor))
    const last = page.length < limit ? undefined : page.at(-1)
    return { letters: page.map(summaryOf), next: last ? cursorAt(last) : null }
  }

  const show = async (request: Request): Promise<DeadLetterDetail> => {
    const letter = await letterOf(request)
    const { messageId, attributes, field, life } = letter.document
    await record(context, [
      {
        kind: 'data-access',
        action: 'dead-letter-read',
        tenant: Slug.safeParse(letter.document.tenant).data ?? platformTenant,
        subject: `${collections.deadLetters}/${letter.id}`,
        outcome: 'done',
      },
    ])
    const original = bytesOf(await letters.originalOf(letter))
    return {
      ...summaryOf(letter),
      messageId,
      attributes: Object.fromEntries(attributes.map(({ name, value }) => [name, value])),
      original,
      position: original.text === null ? null : positionOf(original.text, field),
      correction: life.status === 'fixed' ? bytesOf(await letters.correctionOf(letter.id)) : null,
    }
  }

  const fix = async (request: Request): Promise<Outcome> => {
    const { id, document } = await letterOf(request)
    const correction = Buffer.from(await readText(request, correctionLimits))
    const read = readMessage(correction, context.nowMs())
    const errors = faultsOf(read, document.topic)
    if (errors.length > 0)
      throw new RequestProblem(422, { detail: 'The correction would be refused too; the letter is as it was.', errors })
    for (const { event } of read.events) authorise(request, { tenant: event.tenant })
    return letters.replay(id, { correction })
  }

  const discardOne = async (request: Request): Promise<Outcome> => {
    const { id } = await letterOf(request)
    const { reason } = await readJson(request, Discard, jsonLimits)
    return letters.decide(id, (letter) => discard(letter, reason, letters.now()))
  }

  const beginReplay = async (request: Request): Promise<DeadLetterReplay> => {
    const { filter, ...rest } = await readJson(request, DeadLetterReplayRequest, jsonLimits)
    const replay = await replays.begin({ ...rest, filter: ofCaller(request, filter) })
    return (await replays.work(replay.id, kickSeconds)) ?? replay
  }

  const answer = async (request: Request, asked: Promise<object | undefined>, status: 200 | 201 = 200) => {
    const body = await found(asked)
    if (body === undefined) throw new RequestProblem(404)
    return request.json(body, status)
  }
  const outcome = async (request: Request, asked: Promise<Outcome>) => request.json(summaryAfter(await found(asked)))

  app.get('/v1/dead-letters', (request) => answer(request, list(request)))
  app.get('/v1/dead-letter-groups', (request) => answer(request, groups(request)))
  app.get('/v1/dead-letters/:id', (request) => answer(request, show(request)))
  app.post('/v1/dead-letters/:id/replay', (request) =>
    outcome(
      request,
      letterOf(request).then(({ id }) => letters.replay(id)),
    ),
  )
  app.post('/v1/dead-letters/:id/fix', (request) => outcome(request, fix(request)))
  app.post('/v1/dead-letters/:id/discard', (request) => outcome(request, discardOne(request)))
  app.post('/v1/dead-letters/:id/reopen', (request) =>
    outcome(
      request,
      letterOf(request).then(({ id }) => letters.decide(id, reopen)),
    ),
  )
  app.post('/v1/dead-letter-replays', (request) => answer(request, beginReplay(request), 201))
  app.get('/v1/dead-letter-replays/:id', (request) => answer(request, replayOf(request)))
  app.post('/v1/dead-letter-replays/:id/abort', (request) =>
    answer(
      request,
      replayOf(request).then(({ id }) => replays.abort(id)),
    ),
  )
}

/** A filter that is restricted to a tenant of the caller's. */
const ofCaller = <Filter extends DeadLetterFilter>(request: Request, filter: Filter): Filter => {
  const tenant = tenantOfList(request, filter.tenant)
  return tenant === undefined ? filter : { ...filter, tenant }
}

type Outcome = Awaited<ReturnType<ReturnType<typeof createLetters>['decide']>>

const summaryAfter = ({ decided, letter }: Outcome) => {
  if (decided.kind === 'refused')
    throw new RequestProblem(409, {
      detail: `The letter ${decided.rule}.`,
      errors: [{ field: 'life.status', rule: decided.rule }],
    })
  return summaryOf(letter)
}

const notFound = ({ message }: NoLetterError) => new RequestProblem(404, { detail: message })

const found = async <T>(asked: Promise<T>): Promise<T> => {
  try {
    return await asked
  } catch (error) {
    if (isNoLetter(error)) throw notFound(error)
    throw error
  }
}

/** Why the functions of a topic would refuse a message, each event's field with its place. */
const faultsOf = ({ events, refused }: ParsedMessage, topic: string): FieldError[] => {
  if (!topicNames.has(topic)) return [{ field: '', rule: `${topic} takes no corrections: replay the letter as it is` }]
  const isBatch = events.length + refused.length > 1
  const placed = (field: string, index: number) =>
    isBatch ? ['events', index, ...(field === '' ? [] : [field])].join('.') : field
  return [
    ...refused.map(({ problem, index }) => ({ field: placed(problem.field, index), rule: problem.rule })),
    ...events.flatMap(({ event, index }) =>
      topicOfEvent(event) === topic
        ? []
        : [{ field: placed('type', index), rule: `${event.type} does not belong on ${topic}` }],
    ),
  ]
}

const bytesOf = (bytes: Uint8Array) => {
  const buffer = Buffer.from(bytes)
  return {
    size: buffer.length,
    base64: buffer.toString('base64'),
    text: isUtf8(buffer) ? buffer.toString('utf8') : null,
  }
}

const Cursor = z.tuple([z.iso.datetime(), z.string().min(1).max(300)])

const cursorAt = ({ id, document }: Letter): string =>
  Buffer.from(JSON.stringify([document.deadAt, id])).toString('base64url')

const positionFrom = (cursor: string): LetterPosition => {
  try {
    const [deadAt, id] = Cursor.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')))
    return { deadAt, id }
  } catch {
    throw new RequestProblem(400, { errors: [{ field: 'cursor', rule: 'must be `next` of the page before' }] })
  }
}
