// Of every room: what is sealed stands nowhere in plain text, however things go.
import { createServer, type Server } from 'node:http'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Message } from '@google-cloud/pubsub'
import type { CollectionReference } from '@google-cloud/firestore'
import {
  archiveDataset,
  archiveSubscription,
  archiveTables,
  collections,
  deadLetterTopic,
  subscriberTopicPrefix,
  SubscriptionDocument,
  SubscriptionRetry,
  subscriptionStartSeconds,
  topics,
  undeliveredTopic,
} from '@infinity-matrix/contracts'
import { reportJson, waitFor } from '@infinity-matrix/testing'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { api } from './src/events/api.ts'
import { deliver } from './src/events/deliver.ts'
import { onChange } from './src/events/onChange.ts'
import { onCriticalError } from './src/events/onCriticalError.ts'
import { onStateChange } from './src/fleet/onStateChange.ts'
import { context, type Context } from './src/runtime/context.ts'
import { tellCriticalError } from './src/runtime/critical-errors.ts'
import { messageOf } from './src/runtime/failure.ts'
import { log } from './src/runtime/log.ts'
import { deliverTo, serveFunction, signedIn, startLocalEngines } from './src/runtime/testing.ts'

// The logger keeps the console as it finds it when it is loaded.
const { logged } = vi.hoisted(() => {
  const lines: string[] = []
  for (const method of ['debug', 'info', 'log', 'warn', 'error'] as const)
    console[method] = (...args: unknown[]) => void lines.push(args.map(String).join(' '))
  return { logged: lines }
})

/** So many secrets, each of its own, and nowhere else in the world. */
const canary = (name: string) => `canary-${name}-8d1c6f0e`
/** Of what work is about: stored plain where `storage` says why, and told nowhere else. */
const task = 'task-of-somebody-5a7f3b2e'
const isKeptPlain = /^(agents|channels|deadLetters)\//
const tenant = 'acme'
const closing: (() => Promise<unknown>)[] = []
const told: string[] = []
const refusals: string[] = []
const taken: string[] = []
let shared: Context
let folder = ''
let apiOrigin = ''

const listen = (server: Server) =>
  new Promise<number>((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)))

/** An endpoint that answers with a status. */
const endpoint = async (status: number, name: string): Promise<string> => {
  const server = createServer((request, response) => {
    taken.push(`${name} ${request.url}`)
    response.writeHead(status).end(`it is ${request.url}`)
  })
  const port = await listen(server)
  closing.unshift(() => new Promise((resolve) => server.close(resolve)))
  return `http://127.0.0.1:${port}/${canary(`path-${name}`)}?token=${canary(`query-${name}`)}`
}

const ask = async (path: string, method: string, body?: object) => {
  const response = await fetch(apiOrigin + path, {
    method,
    headers: { ...signedIn(), 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  if (response.status >= 400) refusals.push(`${method} ${path} ${response.status} ${text}`)
  return { status: response.status, text }
}
const subscribe = async (url: string, name: string, filter = 'true') => {
  const { status, text } = await ask('/v1/subscriptions', 'POST', {
    tenant,
    filter,
    target: { kind: 'https', url, audience: canary(`audience-${name}`) },
    retry: { attemptsMax: 5, hoursMax: 1, backoffSecondsMin: 0, backoffSecondsMax: 0 },
  })
  return { status, id: status === 201 ? SubscriptionDocument.parse(JSON.parse(text)).id : '' }
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'canaries-'))
  const engines = await startLocalEngines('demo-canaries', { tablesIn: folder })
  shared = await context()
  const [events, deliveries] = [await serveFunction('events-api', api), await serveFunction('events-deliver', deliver)]
  apiOrigin = events.origin
  vi.stubEnv('DELIVER_URL', deliveries.origin)
  vi.stubEnv('LOCAL_ENDPOINTS', 'true')
  closing.push(
    () => Promise.all([shared.firestore.terminate(), shared.pubsub.close(), shared.batches.close()]),
    engines.close,
    events.close,
    deliveries.close,
    () => rm(folder, { recursive: true }),
  )
  for (const { name } of Object.values(topics)) await shared.pubsub.createTopic(name)
  for (const { topic, table } of Object.values(archiveTables))
    await shared.pubsub.topic(topic).createSubscription(archiveSubscription(topic), {
      bigqueryConfig: { table: `demo-canaries.${archiveDataset}.${table}`, writeMetadata: true },
    })
})
afterAll(async () => {
  for (const close of closing) await close()
})

/** Hears everything that is published on a topic. */
const hear = async (name: string): Promise<void> => {
  const topic = shared.pubsub.topic(name)
  await topic.create().catch(() => undefined)
  const [subscription] = await topic.createSubscription(`canaries-${name}`)
  subscription.on('message', (message: Message) => {
    told.push(`${name} ${message.data.toString()} ${JSON.stringify(message.attributes)}`)
    message.ack()
  })
  closing.unshift(() => subscription.close())
}

/** Every document there is, with its path; bytes as text. */
const everything = async (from?: CollectionReference): Promise<string[]> => {
  if (!from) return (await Promise.all((await shared.firestore.listCollections()).map(everything))).flat()
  const found: string[] = []
  for (const document of await from.listDocuments()) {
    const text = JSON.stringify((await document.get()).data(), (_, value: unknown) =>
      value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value,
    )
    found.push(`${document.path} ${text}`)
    for (const beneath of await document.listCollections()) found.push(...(await everything(beneath)))
  }
  return found
}

const hand = (handler: typeof onChange, data: string) => {
  const message = {
    messageId: `m${told.length}`,
    publishTime: new Date().toISOString(),
    data: Buffer.from(data).toString('base64'),
  }
  return deliverTo(handler, message)
}
const letters = async () => (await shared.firestore.collection(collections.deadLetters).get()).docs

describe('a sealed field', { timeout: 120_000 }, () => {
  it('stands in no document, index, message, archive, log line or error, whether its endpoint works or not', async () => {
    const names = [...Object.values(topics).flatMap(({ name }) => [name, deadLetterTopic(name)]), undeliveredTopic]
    for (const name of names) await hear(name)

    // What works, what fails, what is gone, what is not there, what is no endpoint, and what may not be one.
    const good = await subscribe(await endpoint(204, 'good'), 'good')
    const failing = await subscribe(await endpoint(500, 'failing'), 'failing')
    const gone = await subscribe(await endpoint(410, 'gone'), 'gone')
    const away = await subscribe(`http://127.0.0.1:9/${canary('path-away')}?token=${canary('query-away')}`, 'away')
    // Its filter fails on what it meets.
    const wrong = await subscribe(await endpoint(204, 'wrong'), 'wrong', 'bool(event.data.task)')
    expect([good, failing, gone, away, wrong].map(({ status }) => status)).toEqual([201, 201, 201, 201, 201])
    for (const { id } of [good, failing, gone, away]) await hear(subscriberTopicPrefix + id)
    for (const url of [
      `http://10.0.0.1/${canary('private')}`,
      `http://${canary('host')}.invalid/`,
      `http://user:${canary('password')}@10.0.0.1/`,
      `ftp://example.com/${canary('scheme')}`,
      `https://[${canary('none')}`,
      canary('word'),
      { [canary('name')]: canary('value') },
    ])
      expect((await subscribe(url as string, 'refused')).status).toBe(422)

    // An agent reports, and all of them are to hear of it.
    vi.useFakeTimers({
      toFake: ['Date'],
      now: Date.now() + 2 * subscriptionStartSeconds * 1000,
      shouldAdvanceTime: true,
    })
    const event = {
      ...reportJson('agent.started.v1', 1, { kind: 'worker', task }, { agentId: 'a', tenant }),
      time: new Date().toISOString(),
    }
    await shared.pubsub.topic(topics.stateChanges.name).publishMessage({ json: event })
    await hand(onStateChange, JSON.stringify(event))
    // What is refused, and what is not even JSON, is kept; what a parser said of it is not told.
    await hand(onStateChange, JSON.stringify({ ...event, id: canary('no-uuid').replace('8d1c6f0e', '5a7f3b2e') }))
    await hand(onStateChange, `{"task": ${task}}`)
    await hand(onCriticalError, `{"task": ${task}}`)
    const changed = await waitFor('the change', () => told.find((one) => one.startsWith(topics.realtimeSync.name)))
    await hand(onChange, changed.slice(changed.indexOf('{'), changed.lastIndexOf('} {') + 1))
    await waitFor('a delivery', () => taken.find((one) => one.startsWith('good')))
    await waitFor('dead letters of the three others', async () => ((await letters()).length >= 6 ? true : undefined), {
      deadlineSeconds: 60,
    })

    // Its owner changes it, reads it, and is refused what cannot be.
    expect((await ask(`/v1/subscriptions/${good.id}`, 'GET')).text).toContain(canary('path-good'))
    expect((await ask(`/v1/subscriptions/${good.id}`, 'PATCH', { filter: 'no such thing' })).status).toBe(422)
    expect((await ask(`/v1/subscriptions/${good.id}`, 'PATCH', { target: { url: canary('changed') } })).status).toBe(
      422,
    )
    expect((await ask(`/v1/subscriptions/${good.id}/pause`, 'POST')).status).toBe(200)
    await ask(`/v1/dead-letters/${(await letters())[0]?.id}/replay`, 'POST')
    await ask(`/v1/subscriptions/${failing.id}`, 'DELETE')
    vi.useRealTimers()

    const archived = await waitFor('the archive', async () => {
      const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.parquet'))
      return files.length > 0 ? Promise.all(files.map((name) => readFile(join(folder, name), 'latin1'))) : undefined
    })
    const documents = await everything()
    expect(documents.some((one) => one.startsWith('subscriptions/') && one.includes('keyVersion'))).toBe(true)
    expect(refusals.length).toBeGreaterThanOrEqual(9)
    // As somebody may forget to, who has an agent at hand, or an error of a parser or a schema.
    const agent = (await shared.firestore.doc(`${collections.agents}/a`).get()).data()
    log.warn('what is logged is heard', { agent, tenant: task.slice(0, 4) } as object)
    for (const read of [() => JSON.parse('x5a7f3b2e') as unknown, () => SubscriptionRetry.parse({ [task]: 1 })])
      try {
        read()
      } catch (error) {
        log.error('an error is logged', { error: messageOf(error) })
        await tellCriticalError(shared, 'functions/canary', error instanceof SyntaxError ? 'parsed' : 'checked', error)
      }
    expect(logged.filter((line) => /what is logged is heard|an error is logged/.test(line))).toHaveLength(3)
    expect(logged.join('\n')).toContain('[restricted]')
    const places = { documents, told, archived, logged, refusals }
    for (const [place, texts] of Object.entries(places))
      expect(
        texts.filter((text) => text.includes('8d1c6f0e')).map((text) => text.slice(0, 300)),
        place,
      ).toEqual([])
    const tellingTopics = told.filter((text) => text.startsWith(`${topics.criticalErrors.name} `))
    const others = { documents: documents.filter((one) => !isKeptPlain.test(one)), tellingTopics, logged, refusals }
    expect(documents.some((text) => text.includes('5a7f3b2e'))).toBe(true)
    for (const [place, texts] of Object.entries(others))
      expect(
        texts.filter((text) => text.includes('5a7f3b2e')).map((text) => text.slice(0, 300)),
        place,
      ).toEqual([])
    const noted = await shared.firestore.doc(`${collections.subscriptions}/${wrong.id}`).get()
    expect(noted.get('lastFailure.message')).toBe('filter: fails on a value that it meets')
  })
})
