// Of every room: whatever comes to a boundary is answered, or kept, by the rules of that boundary.
import { ProblemDetails, problemMediaType } from '@infinity-matrix/contracts'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { hostileCorpora } from './src/runtime/hostile/testing.ts'
import * as functions from './src/index.ts'
import { context } from './src/runtime/context.ts'
import { routesOf, type onRequest } from './src/runtime/on-request.ts'
import type { onTopic } from './src/runtime/on-topic.ts'
import { settledWithin } from './src/runtime/settled-within.ts'
import { deliverTo, serveFunction, signedIn, startLocalEngines, type LocalEngines } from './src/runtime/testing.ts'

type Served = ReturnType<typeof onRequest>
type OnTopic = ReturnType<typeof onTopic>

const corpora = hostileCorpora()
const absent = corpora ? '' : ' (skipped: ../shared/data is absent, it is not part of the repository)'
const closing: (() => Promise<unknown>)[] = []
let engines: LocalEngines

const deployed = Object.entries(functions).flatMap(([room, all]) =>
  Object.entries(all as Record<string, unknown>).map(([name, one]) => ({ name: `${room}-${name}`, one })),
)
const isServed = (one: unknown): one is Served => typeof one === 'function' && 'openApp' in one
const isOnTopic = (one: unknown): one is OnTopic =>
  typeof one === 'function' && 'run' in one && (one as Partial<OnTopic>).__endpoint?.eventTrigger !== undefined

beforeAll(async () => {
  engines = await startLocalEngines('demo-hostile')
  vi.stubEnv('LEDGER_ORIGIN', 'hostile.test/ledger')
  // Who is let in without credentials would soon be refused for that alone.
  vi.stubEnv('QUOTA_ADDRESS_PER_MINUTE', '0')
  vi.stubEnv('SIGN_IN_ORIGINS', 'https://hostile.test')
  vi.stubEnv('WALLET_CHAIN_IDS', '1')
})
afterAll(async () => {
  await Promise.all(closing.map((close) => close()))
  const { firestore, pubsub, batches } = await context()
  await Promise.all([pubsub.close(), batches.close()])
  // Firestore's client waits for whatever it has under way, which here has no end sometimes.
  await settledWithin(firestore.terminate(), 30)
  await engines.close()
})

/** What came of all requests; `faults` says of each that was answered wrongly how. */
const figures = { routes: 0, requests: 0, refused: 0, messages: 0, topics: 0 }
const faults: string[] = []
let faultsEver = 0

interface Attack {
  path: string
  init: RequestInit & { headers: Record<string, string> }
  /** What was put in. */
  payload: string
}

/** Whether it could not be there by chance. */
const isTelling = (payload: string) => payload.length > 3 && /["'&\\%]/.test(payload)

const judge = async (route: string, { payload }: Attack, response: Response): Promise<void> => {
  const text = await response.text()
  const { status, headers } = response
  const fault = (what: string) =>
    faults.push(`${route} ${status} ${what}: ${JSON.stringify(payload.slice(0, 80))} ${text.slice(0, 160)}`)
  figures.requests++
  if (status >= 500) fault('is unhandled')
  if (headers.get('x-content-type-options') !== 'nosniff') fault('may be sniffed')
  if (/html|xml|svg|javascript/.test(headers.get('content-type') ?? '')) fault('is a page')
  if (/[<>]/.test(text)) fault('has mark-up')
  if (/node_modules|\.(?:ts|js):\d+/.test(text)) fault('has a stack trace')
  for (const [name, value] of headers) if (isTelling(payload) && value.includes(payload)) fault(`reflects in ${name}`)
  if (status < 400) return
  figures.refused++
  if (headers.get('content-type') !== problemMediaType) return void fault('is no problem')
  const problem = ProblemDetails.safeParse(JSON.parse(text))
  if (!problem.success || problem.data.status !== status) return void fault('is no problem')
  const { errors = [], detail, limit } = problem.data
  const isNamed = errors.length > 0 || limit !== undefined || detail !== undefined
  if ((status === 400 || status === 422 || status === 415) && !isNamed) fault('names no field')
  if (isTelling(payload) && text.includes(payload)) fault('reflects')
}

const queryNames = [
  ...['tenant', 'region', 'tier', 'status', 'kind', 'inSync', 'labels', 'topic', 'code', 'agent', 'from', 'until'],
  ...['limit', 'cursor', 'pageSize', 'pageToken', 'page', 'dryRun', 'size', 'index', 'start', 'end', 'from', 'to'],
]
const headerNames = [
  'authorization',
  'content-type',
  'if-match',
  'if-none-match',
  'prefer',
  'traceparent',
  'origin',
  'x-forwarded-for',
  'accept',
  'cookie',
]
const isHeader = (text: string) => /^[\x20-\x7e]+$/.test(text) && text.trim() === text

/** Bodies that the routes take, to be spoilt. */
const fieldNames = [
  'tenant',
  'agentId',
  'filter',
  'target',
  'projection',
  'patch',
  'reason',
  'jobId',
  'status',
  'roles',
  'publicKey',
  'name',
  'token',
  'message',
  'properties',
]

// Of all strings and bodies, each boundary gets every so-manieth, others each time: each comes to several boundaries.
const everyNth = 10
const dealt = <T>(all: readonly T[], offset: number): T[] =>
  all.filter((_, index) => index % everyNth === offset % everyNth)

/** A route's strings, each somewhere in a request. */
const attacks = (route: string, strings: readonly string[], offset: number): Attack[] => {
  const [method = '', pattern = ''] = route.split(' ')
  const hasBody = method !== 'GET' && method !== 'DELETE'
  const request = (
    path: string,
    payload: string,
    more: { body?: string; headers?: Record<string, string> } = {},
  ): Attack => ({
    path,
    payload,
    init: {
      method,
      ...more,
      headers: {
        ...signedIn(),
        ...(hasBody && { 'content-type': 'application/json', 'if-match': '*' }),
        ...more.headers,
      },
    },
  })
  const plain = pattern.replaceAll(/:\w+/g, 'some')
  const encoded = (text: string) => encodeURIComponent(text.toWellFormed())
  const places: ((text: string, at: number) => Attack | undefined)[] = [
    (text, at) =>
      request(`${plain}?${queryNames[at % queryNames.length]}=${encoded(text)}`, text, hasBody ? { body: '{}' } : {}),
    (text, at) => {
      const name = headerNames[at % headerNames.length] ?? ''
      return isHeader(text)
        ? request(plain, text, { headers: { [name]: text }, ...(hasBody && { body: '{}' }) })
        : undefined
    },
    ...(pattern.includes(':')
      ? [(text: string) => request(pattern.replaceAll(/:\w+/g, encoded(text)), text, hasBody ? { body: '{}' } : {})]
      : []),
    ...(hasBody
      ? [
          (text: string) => request(plain, text, { body: text.toWellFormed() }),
          (text: string) =>
            request(plain, text, { body: JSON.stringify(Object.fromEntries(fieldNames.map((name) => [name, text]))) }),
          (text: string, at: number) =>
            request(plain, text, {
              body: JSON.stringify({ tenant: 'acme', [fieldNames[at % fieldNames.length] ?? '']: { [text]: text } }),
            }),
        ]
      : []),
  ]
  return strings.flatMap((text, index) => {
    const at = index + offset
    const place = places[at % places.length]
    return place?.(text, at) ?? []
  })
}

const inParallel = async <T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> => {
  let next = 0
  const worker = async () => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) await work(item)
  }
  await Promise.all(Array.from({ length: width }, worker))
}

describe.skipIf(absent)(`every HTTP route${absent}`, { timeout: 600_000 }, () => {
  const served = deployed.flatMap(({ name, one }) => (isServed(one) ? [{ name, one }] : []))

  it.each(served.map(({ name, one }) => [name, one] as const))(
    '%s refuses what it must, reflects nothing, and never fails',
    async (name, one) => {
      const server = await serveFunction(name, one)
      closing.unshift(server.close)
      const routes = routesOf(await one.openApp())
      const { strings = [], bodies = [] } = corpora ?? {}
      for (const [offset, route] of routes.entries()) {
        const [method = '', pattern = ''] = route.split(' ')
        const ofBodies = method === 'GET' || method === 'DELETE' ? [] : dealt(bodies, offset)
        const all = [
          ...attacks(route, dealt(strings, offset), offset),
          ...ofBodies.map((body): Attack => ({
            path: pattern.replaceAll(/:\w+/g, 'some'),
            payload: body.toString('latin1'),
            init: {
              method,
              body: new Uint8Array(body),
              headers: { ...signedIn(), 'content-type': 'application/json', 'if-match': '*' },
            },
          })),
        ]
        await inParallel(all, 64, async (attack) =>
          judge(route, attack, await fetch(server.origin + attack.path, attack.init)),
        )
        figures.routes++
      }
      faultsEver += faults.length
      expect(faults.splice(0).slice(0, 20)).toEqual([])
      expect(routes.length).toBeGreaterThan(0)
    },
  )
})

describe.skipIf(absent)(`every topic${absent}`, { timeout: 600_000 }, () => {
  const onTopics = deployed.flatMap(({ name, one }) => (isOnTopic(one) ? [{ name, one }] : []))

  it.each(onTopics.map(({ name, one }, offset) => [name, one, offset] as const))(
    '%s settles whatever comes',
    async (name, onMessage, offset) => {
      const { strings = [], bodies = [] } = corpora ?? {}
      const all = [
        ...dealt(strings, offset).map((text) => Buffer.from(text)),
        ...dealt(bodies, offset),
        Buffer.alloc(0),
        Buffer.from('['.repeat(100_000)),
      ]
      let number = 0
      await inParallel(all, 24, async (data) => {
        const message = {
          messageId: `${name}-${number++}`,
          publishTime: new Date().toISOString(),
          data: data.toString('base64'),
          attributes: { text: data.subarray(0, 200).toString() },
        }
        figures.messages++
        try {
          await deliverTo(onMessage, message)
        } catch (error) {
          const sent = JSON.stringify(data.subarray(0, 80).toString())
          faults.push(`${name} fails on ${sent}: ${String(error).slice(0, 200)}`)
        }
      })
      figures.topics++
      faultsEver += faults.length
      expect(faults.splice(0).slice(0, 20)).toEqual([])
    },
  )
})

afterAll(() => {
  if (!absent) console.log(JSON.stringify({ ...figures, faults: faultsEver }))
})
