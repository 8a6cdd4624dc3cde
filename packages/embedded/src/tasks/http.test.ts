import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import { SteppedTime, SuiteTime } from '../clock/index.ts'
import { startTasksEngine } from './engine.ts'
import { LOCATION, QUEUE, startTarget } from './testing.ts'

const setUp = async () => {
  const time = new SuiteTime(new SteppedTime(Date.now()))
  const engine = await startTasksEngine({ time })
  onTestFinished(() => engine.close())
  const ask = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(`http://${engine.host}:${engine.port}${path}`, {
      method,
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }
  return { ask, time }
}

test('queues and tasks over REST', async () => {
  const { ask, time } = await setUp()
  const target = await startTarget()
  const created = await ask('POST', `/v2/${LOCATION}/queues`, { name: QUEUE, retryConfig: { maxAttempts: 5 } })
  expect(created).toMatchObject({
    status: 200,
    body: { name: QUEUE, state: 'RUNNING', retryConfig: { maxAttempts: 5, minBackoff: '0.100s', maxBackoff: '3600s' } },
  })
  const scheduleTime = new Date(time.now() + 60_000).toISOString()
  const httpRequest = { url: target.url, httpMethod: 'PUT', body: Buffer.from('hello').toString('base64') }
  const task = { name: `${QUEUE}/tasks/one`, scheduleTime, dispatchDeadline: '30s', httpRequest }
  const made = await ask('POST', `/v2/${QUEUE}/tasks`, { task, responseView: 'FULL' })
  expect(made).toMatchObject({ status: 200, body: { ...task, view: 'FULL' } })
  expect((await ask('GET', `/v2/${QUEUE}/tasks?responseView=FULL&pageSize=5`)).body).toMatchObject({ tasks: [task] })
  expect(
    (
      await ask('PATCH', `/v2/${QUEUE}?updateMask=rateLimits.maxDispatchesPerSecond`, {
        rateLimits: { maxDispatchesPerSecond: 2 },
      })
    ).body,
  ).toMatchObject({
    rateLimits: { maxDispatchesPerSecond: 2, maxBurstSize: 10 },
    retryConfig: { maxAttempts: 5 },
  })
  expect((await ask('POST', `/v2/${QUEUE}:pause`)).body).toMatchObject({ state: 'PAUSED' })
  expect((await ask('POST', `/v2/${QUEUE}/tasks/one:run`)).body).toMatchObject({ dispatchCount: 1 })
  expect((await target.until(1))[0]).toMatchObject({ method: 'PUT', body: 'hello' })
  expect(await ask('DELETE', `/v2/${QUEUE}`)).toEqual({ status: 200, body: {} })
  expect(await ask('GET', `/v2/${QUEUE}`)).toMatchObject({
    status: 404,
    body: { error: { code: 404, status: 'NOT_FOUND' } },
  })
})

test('the queue of a function is made by its options, and takes tasks that name no URL', async () => {
  const { ask, time } = await setUp()
  const target = await startTarget((index) => (index === 0 ? 500 : 200))
  const rateLimits = { maxConcurrentDispatches: 7, maxDispatchesPerSecond: null }
  const retryConfig = { maxAttempts: 2, minBackoffSeconds: 30 }
  const registration = { rateLimits, retryConfig, defaultUri: target.url }
  expect((await ask('POST', `/${QUEUE}`, registration)).status).toBe(200)
  expect((await ask('GET', `/v2/${QUEUE}`)).body).toMatchObject({
    rateLimits: { maxConcurrentDispatches: 7, maxDispatchesPerSecond: 500 },
    retryConfig: { maxAttempts: 2, minBackoff: '30s', maxBackoff: '3600s', maxDoublings: 16 },
  })
  // As firebase-admin sends it to an emulator.
  const headers = { 'Content-Type': 'application/json' }
  const oidcToken = { serviceAccountEmail: 'emulated-service-acct@email.com' }
  const httpRequest = { url: '', oidcToken, body: Buffer.from('{"data":1}').toString('base64'), headers }
  const enqueued = await ask('POST', `/${QUEUE}/tasks`, { task: { name: `${QUEUE}/tasks/a`, httpRequest } })
  expect(enqueued.status).toBe(200)
  expect((await ask('POST', `/${QUEUE}/tasks`, { task: { name: `${QUEUE}/tasks/a`, httpRequest } })).status).toBe(409)
  await time.advance(29_999)
  expect(target.received).toMatchObject([{ method: 'POST', path: '/handler', body: '{"data":1}' }])
  // The functions were loaded again, with other options.
  await ask('POST', `/${QUEUE}`, { ...registration, retryConfig: {} })
  expect((await ask('GET', `/v2/${QUEUE}`)).body).toMatchObject({ retryConfig: { maxAttempts: 3 } })
  await time.advance(1)
  expect(target.received).toHaveLength(2)
  expect((await ask('DELETE', `/${QUEUE}/tasks/a`)).status).toBe(404)
})

const CORPUS: [path: string, body: string][] = [
  [`/${QUEUE}`, ''],
  [`/${QUEUE}`, 'null'],
  [`/${QUEUE}`, '[]'],
  [`/${QUEUE}`, '{"rateLimits": {"maxDispatchesPerSecond": "5"}}'],
  [`/${QUEUE}`, '{"retryConfig": {"minBackoffSeconds": 1e999}}'],
  [`/${LOCATION}/queues/no_way`, '{}'],
  [`/v2/${LOCATION}/queues`, '{"name": 5}'],
  [`/v2/${LOCATION}/queues`, '{"name": "x", "colour": "blue"}'],
  [`/v2/${QUEUE}/tasks`, '{"task": {"scheduleTime": "soon"}}'],
  [`/v2/${QUEUE}/tasks`, '{"task": {"httpRequest": {"url": "http://x/", "body": "%"}}}'],
  [`/v2/${QUEUE}/tasks`, '{"task": {"httpRequest": {}, "appEngineHttpRequest": {}}}'],
  [`/v2/${QUEUE}/tasks`, '{'],
  ['/v2/projects/%/locations/l/queues', '{}'],
]

test.each(CORPUS)('POST %s with %s is an error of the caller', async (path, body) => {
  const { ask } = await setUp()
  const { status, body: answer } = await ask('POST', path, body)
  expect(status).toBe(400)
  expect(answer).toMatchObject({ error: { code: 400, status: 'INVALID_ARGUMENT' } })
})

test('whatever is posted, the engine answers and lives', async () => {
  const { ask } = await setUp()
  const registration = fc.record(
    {
      rateLimits: fc.option(
        fc.dictionary(fc.constantFrom('maxConcurrentDispatches', 'maxDispatchesPerSecond'), fc.jsonValue()),
      ),
      retryConfig: fc.option(
        fc.dictionary(fc.constantFrom('maxAttempts', 'minBackoffSeconds', 'maxDoublings'), fc.jsonValue()),
      ),
      defaultUri: fc.jsonValue(),
    },
    { requiredKeys: [] },
  )
  const task = fc.record({
    task: fc.dictionary(fc.constantFrom('name', 'httpRequest', 'scheduleTime'), fc.jsonValue()),
  })
  const request = fc.oneof(
    fc.tuple(fc.constant(`/${QUEUE}`), fc.oneof(registration, fc.jsonValue())),
    fc.tuple(fc.constantFrom(`/v2/${QUEUE}/tasks`, `/${QUEUE}/tasks`), fc.oneof(task, fc.jsonValue())),
    fc.tuple(fc.webPath(), fc.jsonValue()),
  )
  await fc.assert(
    fc.asyncProperty(request, async ([path, body]) => {
      const { status } = await ask('POST', path || '/', body)
      expect([200, 400, 404, 409]).toContain(status)
    }),
    { numRuns: 300 },
  )
  expect((await ask('GET', '/')).status).toBe(200)
})
