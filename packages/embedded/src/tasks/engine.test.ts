import { v2beta3 } from '@google-cloud/tasks'
import { credentials } from '@grpc/grpc-js'
import { createLocalJWKSet, jwtVerify, type JSONWebKeySet } from 'jose'
import { expect, onTestFinished, test } from 'vitest'
import { SteppedTime, SuiteTime } from '../clock/index.ts'
import { LOCATION, QUEUE, startBench, startTarget } from './testing.ts'

const startMs = Date.UTC(2026, 0, 1)
const stepped = () => new SuiteTime(new SteppedTime(startMs))
const queue = { parent: LOCATION, queue: { name: QUEUE } }

test('a queue has the defaults of production', async () => {
  const { client } = await startBench()
  const [created] = await client.createQueue(queue)
  expect(created).toMatchObject({
    name: QUEUE,
    state: 'RUNNING',
    rateLimits: { maxDispatchesPerSecond: 500, maxBurstSize: 100, maxConcurrentDispatches: 1000 },
    retryConfig: {
      maxAttempts: 100,
      maxDoublings: 16,
      minBackoff: { seconds: '0', nanos: 100_000_000 },
      maxBackoff: { seconds: '3600', nanos: 0 },
    },
    purgeTime: null,
  })
  expect((await client.getQueue({ name: QUEUE }))[0]).toEqual(created)
  expect((await client.listQueues({ parent: LOCATION }))[0]).toEqual([created])
})

test('a task reaches its target with its method, body and headers, and those of Cloud Tasks', async () => {
  const { client } = await startBench()
  const target = await startTarget()
  await client.createQueue(queue)
  const httpRequest = {
    url: `${target.url}?a=b`,
    httpMethod: 'PUT' as const,
    headers: { 'Content-Type': 'text/plain', 'X-Own': 'kept', Host: 'elsewhere', 'User-Agent': 'other' },
    body: Buffer.from('hello'),
  }
  const [task] = await client.createTask({ parent: QUEUE, task: { name: `${QUEUE}/tasks/one`, httpRequest } })
  expect(task).toMatchObject({ name: `${QUEUE}/tasks/one`, view: 'BASIC', dispatchCount: 0 })
  expect(task.httpRequest).toMatchObject({ httpMethod: 'PUT', body: Buffer.alloc(0) })
  const [received] = await target.until(1)
  expect(received).toMatchObject({
    method: 'PUT',
    path: '/handler?a=b',
    body: 'hello',
    headers: {
      'content-type': 'text/plain',
      'x-own': 'kept',
      host: new URL(target.url).host,
      'user-agent': 'Google-Cloud-Tasks',
      'x-cloudtasks-queuename': 'work',
      'x-cloudtasks-taskname': 'one',
      'x-cloudtasks-taskretrycount': '0',
      'x-cloudtasks-taskexecutioncount': '0',
      'x-cloudtasks-tasketa': expect.stringMatching(/^\d{10}\.\d{6}$/) as string,
    },
  })
  expect(received?.headers).not.toHaveProperty('x-cloudtasks-taskpreviousresponse')
})

test('a task waits for its schedule time', async () => {
  const time = stepped()
  const { client } = await startBench({ time })
  const target = await startTarget()
  await client.createQueue(queue)
  const scheduleTime = { seconds: startMs / 1000 + 3600 }
  await client.createTask({ parent: QUEUE, task: { httpRequest: { url: target.url }, scheduleTime } })
  await time.advance(3_599_999)
  expect(target.received).toHaveLength(0)
  await time.advance(1)
  expect(target.received).toHaveLength(1)
  expect(target.received[0]?.headers['x-cloudtasks-tasketa']).toBe(`${startMs / 1000 + 3600}.000000`)
  expect((await client.listTasks({ parent: QUEUE }))[0]).toEqual([])
})

test('after a step, times are understood as the client means them: by a clock that was not stepped', async () => {
  const time = stepped()
  const { client } = await startBench({ time })
  const target = await startTarget()
  await client.createQueue(queue)
  await time.advance(86_400_000)
  const scheduleTime = { seconds: startMs / 1000 + 60 }
  const [task] = await client.createTask({ parent: QUEUE, task: { httpRequest: { url: target.url }, scheduleTime } })
  expect(task.scheduleTime).toMatchObject({ seconds: String(startMs / 1000 + 86_460) })
  await time.advance(59_999)
  expect(target.received).toHaveLength(0)
  await time.advance(1)
  expect(target.received).toHaveLength(1)
})

// As recorded of production by the conformance suite of aertje/cloud-tasks-emulator.
test('the headers of retries are those of production', async () => {
  const time = stepped()
  const { client } = await startBench({ time })
  const statuses = [503, 404, 429, 500, 302, 200]
  const target = await startTarget((index) => statuses[index] ?? 0)
  await client.createQueue(queue)
  await client.createTask({ parent: QUEUE, task: { httpRequest: { url: target.url } } })
  await time.advance(600_000)
  const header = (name: string) => target.received.map(({ headers }) => headers[`x-cloudtasks-task${name}`])
  expect(header('retrycount')).toEqual(['0', '1', '2', '3', '4', '5'])
  expect(header('executioncount')).toEqual(['0', '0', '1', '2', '2', '3'])
  expect(header('previousresponse')).toEqual([undefined, '503', '404', '429', '500', '302'])
  expect(header('retryreason')).toEqual([undefined, '', '', '', '', ''])
})

test('retries come after the pauses of the documentation, and end at the attempts allowed', async () => {
  const time = stepped()
  const { client } = await startBench({ time })
  const attempts: number[] = []
  const target = await startTarget(() => {
    attempts.push((time.now() - startMs) / 1000)
    return 400
  })
  const retryConfig = { minBackoff: { seconds: 10 }, maxBackoff: { seconds: 300 }, maxDoublings: 3, maxAttempts: 9 }
  await client.createQueue({ parent: LOCATION, queue: { name: QUEUE, retryConfig } })
  await client.createTask({ parent: QUEUE, task: { name: `${QUEUE}/tasks/a`, httpRequest: { url: target.url } } })
  await time.advance(100_000)
  const [task] = await client.getTask({ name: `${QUEUE}/tasks/a` })
  expect(task).toMatchObject({
    dispatchCount: 4,
    responseCount: 4,
    scheduleTime: { seconds: String(startMs / 1000 + 150) },
    firstAttempt: { dispatchTime: { seconds: String(startMs / 1000) }, responseTime: null },
    lastAttempt: {
      scheduleTime: { seconds: String(startMs / 1000 + 70) },
      dispatchTime: { seconds: String(startMs / 1000 + 70) },
      responseTime: { seconds: String(startMs / 1000 + 70) },
      responseStatus: { code: 3, message: 'INVALID_ARGUMENT(3): HTTP status code 400' },
    },
  })
  await time.advance(86_400_000)
  expect(attempts.slice(1).map((at, index) => at - (attempts[index] ?? 0))).toEqual([
    10, 20, 40, 80, 160, 240, 300, 300,
  ])
  await expect(client.getTask({ name: `${QUEUE}/tasks/a` })).rejects.toMatchObject({ code: 5 })
})

test('a target that does not answer in time, or not at all, has not answered', async () => {
  const time = stepped()
  const { client } = await startBench({ time })
  const target = await startTarget((index) => (index === 0 ? new Promise<number>(() => {}) : 200))
  await client.createQueue(queue)
  // Nothing listens on port 1.
  await client.createTask({
    parent: QUEUE,
    task: { name: `${QUEUE}/tasks/a`, httpRequest: { url: 'http://127.0.0.1:1' } },
  })
  await time.advance(1)
  expect((await client.getTask({ name: `${QUEUE}/tasks/a` }))[0]).toMatchObject({
    dispatchCount: 1,
    responseCount: 0,
    lastAttempt: { responseStatus: { code: 14 } },
  })
  expect(target.received).toHaveLength(0)
})

test('a Retry-After puts the retry off', async () => {
  const time = stepped()
  const { client } = await startBench({ time })
  const headers = { 'retry-after': '120' }
  const target = await startTarget((index) => (index === 0 ? { status: 429, headers } : 200))
  await client.createQueue(queue)
  await client.createTask({ parent: QUEUE, task: { httpRequest: { url: target.url } } })
  await time.advance(119_999)
  expect(target.received).toHaveLength(1)
  await time.advance(1)
  expect(target.received).toHaveLength(2)
})

test('a task of a name that exists, or ended within the hour, is refused', async () => {
  const time = stepped()
  const { client } = await startBench({ time })
  const target = await startTarget()
  await client.createQueue(queue)
  const named = { parent: QUEUE, task: { name: `${QUEUE}/tasks/a`, httpRequest: { url: target.url } } }
  const later = { ...named, task: { ...named.task, scheduleTime: { seconds: startMs / 1000 + 60 } } }
  await client.createTask(later)
  const exists = { code: 6, details: 'Requested entity already exists' }
  await expect(client.createTask(named)).rejects.toMatchObject(exists)
  await time.advance(60_000)
  const recently = { code: 6, details: expect.stringContaining('existed too recently') as string }
  await expect(client.createTask(named)).rejects.toMatchObject(recently)
  await expect(client.getTask({ name: named.task.name })).rejects.toMatchObject({
    code: 5,
    details: expect.stringContaining('a task with this name existed recently') as string,
  })
  await time.advance(3_599_000)
  await expect(client.createTask(named)).rejects.toMatchObject(recently)
  await time.advance(1000)
  await client.createTask(named)
  await client.deleteTask({ name: named.task.name }).catch(() => {})
  await expect(client.createTask(named)).rejects.toMatchObject(recently)
})

test('a paused queue keeps its tasks, runs one by hand, and goes on when resumed', async () => {
  const time = stepped()
  const { client } = await startBench({ time })
  const target = await startTarget()
  await client.createQueue(queue)
  expect((await client.pauseQueue({ name: QUEUE }))[0]).toMatchObject({ state: 'PAUSED' })
  for (const id of ['a', 'b', 'c']) {
    const httpRequest = { url: target.url, body: Buffer.from(id) }
    await client.createTask({ parent: QUEUE, task: { name: `${QUEUE}/tasks/${id}`, httpRequest } })
  }
  await time.advance(1000)
  expect(target.received).toHaveLength(0)
  const [task] = await client.runTask({ name: `${QUEUE}/tasks/b` })
  expect(task).toMatchObject({ dispatchCount: 1, responseCount: 0 })
  await target.until(1)
  expect(target.received[0]?.body).toBe('b')
  await client.resumeQueue({ name: QUEUE })
  await time.advance(1)
  expect(target.received.map(({ body }) => body)).toEqual(['b', 'a', 'c'])
  await expect(client.runTask({ name: `${QUEUE}/tasks/b` })).rejects.toMatchObject({ code: 5 })
})

test('a purge ends all tasks and is noted', async () => {
  const time = stepped()
  const { client } = await startBench({ time })
  const target = await startTarget()
  await client.createQueue(queue)
  const scheduleTime = { seconds: startMs / 1000 + 10 }
  for (let index = 0; index < 3; index++) {
    await client.createTask({ parent: QUEUE, task: { httpRequest: { url: target.url }, scheduleTime } })
  }
  expect((await client.purgeQueue({ name: QUEUE }))[0].purgeTime).toMatchObject({ seconds: String(startMs / 1000) })
  await time.advance(60_000)
  expect(target.received).toHaveLength(0)
})

test('a deleted queue takes its tasks with it, and its name rests for 7 days', async () => {
  const time = stepped()
  const { client } = await startBench({ time })
  const target = await startTarget()
  await client.createQueue(queue)
  const scheduleTime = { seconds: startMs / 1000 + 10 }
  await client.createTask({ parent: QUEUE, task: { httpRequest: { url: target.url }, scheduleTime } })
  await client.deleteQueue({ name: QUEUE })
  await time.advance(60_000)
  expect(target.received).toHaveLength(0)
  await expect(client.createQueue(queue)).rejects.toMatchObject({ code: 9 })
  await time.advance(7 * 86_400_000)
  await client.createQueue(queue)
})

test('an update changes what its mask names, makes the queue when there is none, and resets what it leaves out', async () => {
  const { client } = await startBench()
  const update = async (changes: object, paths?: string[]) => {
    const updateMask = paths && { paths }
    return (await client.updateQueue({ queue: { name: QUEUE, ...changes }, ...(updateMask && { updateMask }) }))[0]
  }
  expect(await update({ rateLimits: { maxDispatchesPerSecond: 5 }, retryConfig: { maxAttempts: 7 } })).toMatchObject({
    rateLimits: { maxDispatchesPerSecond: 5, maxBurstSize: 10 },
    retryConfig: { maxAttempts: 7 },
  })
  const named = await update({ rateLimits: { maxConcurrentDispatches: 3 } }, ['rate_limits.max_concurrent_dispatches'])
  expect(named).toMatchObject({
    rateLimits: { maxDispatchesPerSecond: 5, maxConcurrentDispatches: 3 },
    retryConfig: { maxAttempts: 7 },
  })
  expect(await update({}, ['retry_config'])).toMatchObject({ retryConfig: { maxAttempts: 100 } })
  await expect(update({}, ['colour'])).rejects.toMatchObject({ code: 3 })
})

test('tasks come in pages and in the view that is asked for', async () => {
  const { client } = await startBench()
  await client.createQueue(queue)
  await client.pauseQueue({ name: QUEUE })
  const httpRequest = { url: 'http://127.0.0.1:1/', headers: { a: 'b' }, body: Buffer.from('x') }
  for (const id of ['a', 'b', 'c']) {
    await client.createTask({ parent: QUEUE, task: { name: `${QUEUE}/tasks/${id}`, httpRequest } })
  }
  const options = { autoPaginate: false }
  const [first, next] = await client.listTasks({ parent: QUEUE, pageSize: 2, responseView: 'FULL' }, options)
  expect(first.map(({ httpRequest: sent }) => String(sent?.body))).toEqual(['x', 'x'])
  const [rest] = await client.listTasks(next ?? {}, options)
  expect([...first, ...rest].map(({ name }) => name?.split('/').at(-1))).toEqual(['a', 'b', 'c'])
  const [basic] = await client.getTask({ name: `${QUEUE}/tasks/a` })
  expect(basic).toMatchObject({ view: 'BASIC', httpRequest: { headers: { a: 'b' }, body: Buffer.alloc(0) } })
})

test('an OIDC token can be verified with the keys of the engine; an OAuth token is a bearer token', async () => {
  const { client, engine } = await startBench()
  const target = await startTarget()
  await client.createQueue(queue)
  const email = 'worker@demo-test.iam.gserviceaccount.com'
  const headers = { authorization: 'mine' }
  const oidc = { url: target.url, headers, oidcToken: { serviceAccountEmail: email } }
  await client.createTask({ parent: QUEUE, task: { httpRequest: oidc } })
  const [first] = await target.until(1)
  const keys = (await (await fetch(`http://${engine.host}:${engine.port}/oauth2/v3/certs`)).json()) as JSONWebKeySet
  const token = first?.headers.authorization?.replace('Bearer ', '') ?? ''
  const options = { audience: target.url, issuer: 'https://accounts.google.com' }
  const { payload } = await jwtVerify(token, createLocalJWKSet(keys), options)
  expect(payload).toMatchObject({ email, email_verified: true })
  const oauth = { url: target.url, oauthToken: { serviceAccountEmail: email } }
  await client.createTask({ parent: QUEUE, task: { httpRequest: oauth } })
  expect((await target.until(2))[1]?.headers.authorization).toMatch(/^Bearer ya29\./)
})

test('App Engine tasks go where the engine is told, with their own headers', async () => {
  const target = await startTarget((index) => (index === 0 ? 500 : 200))
  const time = stepped()
  const { client } = await startBench({ time, appEngineOrigin: new URL(target.url).origin })
  await client.createQueue(queue)
  const appEngineHttpRequest = { relativeUri: '/work?x=1', body: Buffer.from('b') }
  const [task] = await client.createTask({ parent: QUEUE, task: { appEngineHttpRequest } })
  expect(task.appEngineHttpRequest).toMatchObject({
    httpMethod: 'POST',
    appEngineRouting: { host: 'demo-test.appspot.com' },
    headers: {
      'Content-Length': '1',
      'Content-Type': 'application/octet-stream',
      'User-Agent': 'AppEngine-Google; (+http://code.google.com/appengine)',
    },
  })
  await time.advance(1000)
  expect(target.received[1]).toMatchObject({
    method: 'POST',
    path: '/work?x=1',
    headers: {
      'x-appengine-queuename': 'work',
      'x-appengine-taskretrycount': '1',
      'x-appengine-taskexecutioncount': '1',
      'x-appengine-taskpreviousresponse': '500',
      'x-appengine-taskretryreason': 'App Error',
    },
  })
})

test('v2beta3 sees the same queues and tasks', async () => {
  const { client, engine } = await startBench()
  await client.createQueue(queue)
  const beta = new v2beta3.CloudTasksClient({
    apiEndpoint: engine.host,
    port: engine.port,
    sslCreds: credentials.createInsecure(),
  })
  onTestFinished(() => beta.close())
  await beta.pauseQueue({ name: QUEUE })
  await beta.createTask({ parent: QUEUE, task: { httpRequest: { url: 'http://127.0.0.1:1/' } } })
  expect((await client.getQueue({ name: QUEUE }))[0].state).toBe('PAUSED')
  expect((await client.listTasks({ parent: QUEUE }))[0]).toMatchObject([
    { httpRequest: { url: 'http://127.0.0.1:1/' } },
  ])
})

test('policies are kept and permissions granted', async () => {
  const { client } = await startBench()
  await client.createQueue(queue)
  const bindings = [{ role: 'roles/cloudtasks.enqueuer', members: ['allUsers'] }]
  await client.setIamPolicy({ resource: QUEUE, policy: { bindings } })
  expect((await client.getIamPolicy({ resource: QUEUE }))[0]).toMatchObject({ bindings })
  const permissions = ['cloudtasks.tasks.create']
  expect((await client.testIamPermissions({ resource: QUEUE, permissions }))[0]).toMatchObject({ permissions })
})
