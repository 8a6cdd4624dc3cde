import { Firestore } from '@google-cloud/firestore'
import { PubSub, type Message } from '@google-cloud/pubsub'
import {
  collections,
  DeadLetterDetail,
  DeadLetterGroups,
  DeadLetterList,
  DeadLetterReplay,
  DeadLetterSummary,
  ProblemDetails,
  topics,
  type Problem,
  deadLetterIdOf,
} from '@infinity-matrix/contracts'
import { reportJson, waitFor } from '@infinity-matrix/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { context, type Context } from '../../runtime/context.ts'
import { keepDeadLetter } from '../../runtime/dead-letters.ts'
import { startLocalEngines, type LocalEngines, openApp, type OpenedApp } from '../../runtime/testing.ts'
import { serveDeadLetters } from './routes.ts'
import { createLetters } from './letters.ts'
import { createReplays } from './replays.ts'

const topic = topics.stateChanges.name
let engines: LocalEngines
const clients: { firestore: Firestore; pubsub: PubSub }[] = []
const messages: Message[] = []
let shared: Context
let app: OpenedApp

beforeAll(async () => {
  engines = await startLocalEngines('demo-letters')
  const pubsub = new PubSub()
  clients.push({ firestore: new Firestore(), pubsub })
  await pubsub.createTopic(topic)
  const [subscription] = await pubsub.topic(topic).createSubscription('replayed')
  subscription.on('message', (message: Message) => {
    messages.push(message)
    message.ack()
  })
  shared = await context()
  app = await openApp(serveDeadLetters)
})
afterAll(async () => {
  await Promise.all([...clients, shared].flatMap(({ firestore, pubsub }) => [firestore.terminate(), pubsub.close()]))
  await engines.close()
})

let count = 0
const event = () => ({ ...reportJson('agent.started.v1', 1, { kind: 'worker' }), time: new Date().toISOString() })
/** What `onEvent` does with an event that it refuses. */
const refuse = async (
  { tenant = `t-${++count}`, body = JSON.stringify({ ...event(), tenant, tier: 'gold' }) } = {},
  problem: Problem = { code: 'bad-envelope', field: 'tier', rule: 'must be one of elite, mastery, standard' },
  attributes: Record<string, string> = { 'ce-tenant': tenant },
) => {
  const messageId = `m${++count}`
  const publishedAt = new Date().toISOString()
  await keepDeadLetter(shared, {
    id: deadLetterIdOf(messageId, 0),
    topic,
    problem,
    original: Buffer.from(body),
    messageId,
    attributes,
    publishedAt,
  })
  return { id: deadLetterIdOf(messageId, 0), tenant, body }
}
const refuseMany = async (tenant: string, length: number) =>
  (await Promise.all(Array.from({ length }, () => refuse({ tenant })))).map(({ id }) => id)

const get = async (path: string) => (await app.request(path)).json()
const post = (path: string, body?: unknown) =>
  app.request(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
const show = async (id: string) => DeadLetterDetail.parse(await get(`/v1/dead-letters/${id}`))
const published = (id: string) => messages.filter(({ attributes }) => attributes['deadLetterId'] === id)

describe('letters are found', () => {
  it('by tenant, code, agent, status and time, the youngest first, page by page', async () => {
    const tenant = `t-${++count}`
    const ids = await refuseMany(tenant, 7)
    const other = await refuse({ tenant }, { code: 'too-old', field: 'time', rule: 'must be at most 30 days ago' })
    const read: string[] = []
    let cursor: string | null = ''
    while (cursor !== null) {
      const query: string = `tenant=${tenant}&code=bad-envelope&agent=agent-1&status=open&limit=3${cursor === '' ? '' : `&cursor=${cursor}`}`
      const page: DeadLetterList = DeadLetterList.parse(await get(`/v1/dead-letters?${query}`))
      read.push(...page.letters.map(({ id }) => id))
      cursor = page.next
    }
    expect(read.toSorted()).toEqual(ids.toSorted())
    const all = DeadLetterList.parse(await get(`/v1/dead-letters?tenant=${tenant}`)).letters
    expect(all.map(({ deadAt }) => deadAt)).toEqual(
      all
        .map(({ deadAt }) => deadAt)
        .toSorted()
        .toReversed(),
    )
    const { deadAt } = await show(other.id)
    const since = DeadLetterList.parse(await get(`/v1/dead-letters?tenant=${tenant}&from=${deadAt}`)).letters
    expect(since.map(({ id }) => id)).toContain(other.id)
    const before = DeadLetterList.parse(await get(`/v1/dead-letters?tenant=${tenant}&until=${deadAt}`)).letters
    expect(before.map(({ id }) => id)).not.toContain(other.id)
  })

  it('in groups, with counts and the youngest of each', async () => {
    const tenant = `t-${++count}`
    const ids = await refuseMany(tenant, 3)
    const other = await refuse({ tenant }, { code: 'too-old', field: 'time', rule: 'must be at most 30 days ago' })
    await post(`/v1/dead-letters/${ids[0]}/discard`, { reason: 'a test' })
    const { groups } = DeadLetterGroups.parse(await get(`/v1/dead-letter-groups?tenant=${tenant}`))
    expect(groups).toMatchObject([
      { topic, code: 'bad-envelope', letters: 3, open: 2 },
      { topic, code: 'too-old', letters: 1, open: 1, youngest: { id: other.id } },
    ])
  })

  it('one by one, with the original bytes and where in them the problem is', async () => {
    const { id, body } = await refuse()
    const letter = await show(id)
    expect(letter.original).toEqual({ size: body.length, base64: Buffer.from(body).toString('base64'), text: body })
    expect(letter).toMatchObject({ field: 'tier', position: { offset: body.indexOf('"gold"'), line: 1 } })
  })

  it.each([
    ['/v1/dead-letters/nothing', 404, undefined],
    ['/v1/dead-letters/__x__', 404, undefined],
    ['/v1/dead-letters?limit=1000', 400, { field: 'limit', rule: 'must be a whole number from 1 to 200' }],
    ['/v1/dead-letters?cursor=nonsense', 400, { field: 'cursor', rule: 'must be `next` of the page before' }],
  ])('or the request is told what is wrong with it: %s', async (path, status, error) => {
    const problem = ProblemDetails.parse(await get(path))
    expect(problem.status).toBe(status)
    expect(problem.errors?.[0]).toEqual(error)
  })
})

describe('a letter that is replayed', () => {
  it('is published as it was, once; a second replay changes nothing', async () => {
    const { id, body } = await refuse()
    const answer = DeadLetterSummary.parse(await (await post(`/v1/dead-letters/${id}/replay`)).json())
    expect(answer).toMatchObject({ life: { status: 'replayed' }, attempts: 1 })
    const first = await show(id)
    expect((await post(`/v1/dead-letters/${id}/replay`)).status).toBe(200)
    expect(await show(id)).toEqual(first)
    const [message] = await waitFor('the replayed message', () =>
      published(id).length > 0 ? published(id) : undefined,
    )
    expect(message?.data.toString()).toBe(body)
    expect(published(id)).toHaveLength(1)
  })

  it('and dies again is the same letter, open, with the new reason', async () => {
    const { id, tenant, body } = await refuse()
    await post(`/v1/dead-letters/${id}/replay`)
    const again: Problem = { code: 'too-old', field: 'time', rule: 'must be at most 30 days ago' }
    await refuse({ tenant, body }, again, { deadLetterId: id })
    expect(await show(id)).toMatchObject({ ...again, life: { status: 'open' }, attempts: 1 })
    expect(DeadLetterList.parse(await get(`/v1/dead-letters?tenant=${tenant}`)).letters).toHaveLength(1)
  })

  it('is not changed by another input that claims to be it', async () => {
    const { id, tenant } = await refuse()
    await post(`/v1/dead-letters/${id}/replay`)
    const other = await refuse({ tenant, body: 'something else' }, undefined, { deadLetterId: id })
    expect(await show(id)).toMatchObject({ life: { status: 'replayed' } })
    expect((await show(other.id)).original.text).toBe('something else')
  })

  it('stays as it is when its first message is delivered again', async () => {
    const { id, body } = await refuse()
    await post(`/v1/dead-letters/${id}/discard`, { reason: 'a test' })
    await keepDeadLetter(shared, {
      id,
      topic,
      problem: { code: 'bad-envelope', field: 'tier', rule: '' },
      original: Buffer.from(body),
      messageId: id.split('-')[0] ?? '',
      attributes: {},
      publishedAt: new Date().toISOString(),
    })
    expect(await show(id)).toMatchObject({ life: { status: 'discarded', reason: 'a test' } })
  })

  it('by a worker that dies before it published is published by the next', async () => {
    const { id } = await refuse()
    const dying = createLetters({
      ...shared,
      topic: () => {
        throw new Error('killed')
      },
    })
    await expect(dying.replay(id)).rejects.toThrow('killed')
    expect(await show(id)).toMatchObject({ life: { status: 'replaying' }, attempts: 1 })
    await createLetters(shared).replay(id)
    expect(await show(id)).toMatchObject({ life: { status: 'replayed' }, attempts: 1 })
    await waitFor('the replayed message', () => (published(id).length > 0 ? true : undefined))
  })

  it('after it was discarded is refused until it is reopened', async () => {
    const { id } = await refuse()
    await post(`/v1/dead-letters/${id}/discard`, { reason: 'noise' })
    const problem = ProblemDetails.parse(await (await post(`/v1/dead-letters/${id}/replay`)).json())
    expect(problem).toMatchObject({ status: 409, detail: 'The letter is discarded: reopen it first.' })
    await post(`/v1/dead-letters/${id}/reopen`)
    expect((await post(`/v1/dead-letters/${id}/replay`)).status).toBe(200)
  })
})

describe('a correction', () => {
  it('that would be refused too names what is wrong with it, and leaves the letter', async () => {
    const { id } = await refuse()
    const answer = await post(`/v1/dead-letters/${id}/fix`, { ...event(), tier: 'silver' })
    expect(ProblemDetails.parse(await answer.json())).toMatchObject({
      status: 422,
      errors: [{ field: 'tier', rule: 'must be one of elite, mastery, standard' }],
    })
    expect(await show(id)).toMatchObject({ life: { status: 'open' }, attempts: 0, correction: null })
  })

  it('is published in place of the original, which is kept', async () => {
    const { id, body } = await refuse()
    const correct = JSON.stringify({ ...event(), tenant: 'corrected' })
    await post(`/v1/dead-letters/${id}/fix`, correct)
    expect(await show(id)).toMatchObject({
      life: { status: 'fixed' },
      original: { text: body },
      correction: { text: correct },
    })
    await waitFor('the corrected message', () => messages.find(({ data }) => data.toString() === correct))
  })

  it('of another topic is refused', async () => {
    const { id } = await refuse()
    const { sequence: _, ...heartbeat } = { ...event(), type: 'agent.heartbeat.v1', data: { silenceBoundSeconds: 30 } }
    const answer = await post(`/v1/dead-letters/${id}/fix`, heartbeat)
    expect(ProblemDetails.parse(await answer.json()).errors).toEqual([
      { field: 'type', rule: 'agent.heartbeat.v1 does not belong on agent.state-changes' },
    ])
  })
})

describe('a replay of many letters', () => {
  const begin = async (tenant: string, ratePerSecond?: number) =>
    DeadLetterReplay.parse(await (await post('/v1/dead-letter-replays', { filter: { tenant }, ratePerSecond })).json())
  const stateOf = async (id: string) => DeadLetterReplay.parse(await get(`/v1/dead-letter-replays/${id}`))

  it('publishes each open letter of its filter once, and is over at once when it is short', async () => {
    const tenant = `t-${++count}`
    const [seen = '', ...ids] = await refuseMany(tenant, 6)
    await post(`/v1/dead-letters/${seen}/discard`, { reason: 'a test' })
    const replay = await begin(tenant)
    expect(replay).toMatchObject({ state: { status: 'completed' }, total: 6, replayed: 5, skipped: 1 })
    await waitFor('the replayed messages', () => (ids.every((id) => published(id).length === 1) ? true : undefined))
    expect(await begin(tenant)).toMatchObject({ total: 6, replayed: 0, skipped: 6 })
  })

  it('goes on after a worker died in the middle of a page, and repeats no letter that was done', async () => {
    const tenant = `t-${++count}`
    const ids = await refuseMany(tenant, 5)
    let left = 3
    const dying: Context = {
      ...shared,
      topic: (name) => {
        if (left-- <= 0) throw new Error('killed')
        return shared.topic(name)
      },
    }
    const { id } = await createReplays(shared, createLetters(shared)).begin({ filter: { tenant }, ratePerSecond: 100 })
    await expect(createReplays(dying, createLetters(dying)).work(id, 30)).rejects.toThrow('killed')
    expect(await stateOf(id)).toMatchObject({ state: { status: 'running' }, replayed: 0 })
    await createReplays(shared, createLetters(shared)).work(id, 30)
    expect(await stateOf(id)).toMatchObject({ state: { status: 'completed' }, replayed: 5, skipped: 0 })
    await waitFor('all letters', () => (ids.every((letter) => published(letter).length > 0) ? true : undefined))
    for (const letter of ids) expect((await show(letter)).attempts).toBe(1)
  })

  it('is worked on by one worker at a time', async () => {
    const tenant = `t-${++count}`
    const ids = await refuseMany(tenant, 20)
    const workers = [1, 2, 3].map(() => createReplays(shared, createLetters(shared)))
    const { id } = (await workers[0]?.begin({ filter: { tenant }, ratePerSecond: 1000 })) ?? { id: '' }
    await Promise.all(workers.map((worker) => worker.work(id, 30)))
    expect(await stateOf(id)).toMatchObject({ replayed: 20, skipped: 0 })
    await waitFor('all letters', () => (ids.every((letter) => published(letter).length > 0) ? true : undefined))
    expect(ids.flatMap(published)).toHaveLength(20)
  })

  it('that is aborted stops between two pages, and keeps what was done', async () => {
    const tenant = `t-${++count}`
    await refuseMany(tenant, 8)
    const replay = await begin(tenant, 1)
    expect(replay).toMatchObject({ state: { status: 'running' } })
    expect(replay.replayed).toBeLessThan(8)
    await post(`/v1/dead-letter-replays/${replay.id}/abort`)
    await createReplays(shared, createLetters(shared)).work(replay.id, 30)
    expect(await stateOf(replay.id)).toMatchObject({ state: { status: 'aborted' }, replayed: replay.replayed })
  })

  it('of letters that die again comes to its end', async () => {
    const tenant = `t-${++count}`
    const [id = ''] = await refuseMany(tenant, 1)
    const { body } = { body: (await show(id)).original.text ?? '' }
    const replay = await begin(tenant)
    await refuse({ tenant, body }, undefined, { deadLetterId: id })
    expect(await createReplays(shared, createLetters(shared)).work(replay.id, 30)).toMatchObject({ replayed: 1 })
    const letters = await shared.firestore.collection(collections.deadLetters).where('tenant', '==', tenant).get()
    expect(letters.size).toBe(1)
  })

  it.each([
    [{ filter: { code: 'nonsense' } }, 'filter.code'],
    [{ filter: {}, ratePerSecond: 0 }, 'ratePerSecond'],
    [{ filter: { colour: 'red' } }, 'filter'],
  ])('is asked for in words that are known: %o', async (body, field) => {
    const problem = ProblemDetails.parse(await (await post('/v1/dead-letter-replays', body)).json())
    expect(problem).toMatchObject({ status: 422, errors: [{ field }] })
  })
})
