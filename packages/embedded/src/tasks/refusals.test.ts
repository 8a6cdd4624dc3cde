import { expect, test } from 'vitest'
import { SteppedTime, SuiteTime } from '../clock/index.ts'
import { LOCATION, QUEUE, startBench } from './testing.ts'

const startMs = Date.UTC(2026, 11, 1)

const setUp = async () => {
  const { client } = await startBench({ time: new SuiteTime(new SteppedTime(startMs)) })
  await client.createQueue({ parent: LOCATION, queue: { name: QUEUE } })
  await client.pauseQueue({ name: QUEUE })
  return client
}

const NO_QUEUE =
  'Queue does not exist. If you just created the queue, wait at least a minute for the queue to initialize.'

// Codes and texts as the conformance suite of aertje/cloud-tasks-emulator recorded them of production.
test('what is asked of queues that there are not', async () => {
  const client = await setUp()
  const name = `${LOCATION}/queues/other`
  const notFound = { code: 5, details: NO_QUEUE }
  await expect(client.getQueue({ name })).rejects.toMatchObject(notFound)
  await expect(client.pauseQueue({ name })).rejects.toMatchObject(notFound)
  await expect(client.resumeQueue({ name })).rejects.toMatchObject(notFound)
  await expect(client.purgeQueue({ name })).rejects.toMatchObject(notFound)
  await expect(client.createTask({ parent: name, task: {} })).rejects.toMatchObject(notFound)
  await expect(client.deleteQueue({ name })).rejects.toMatchObject({
    code: 5,
    details: 'Requested entity was not found.',
  })
})

test('what is asked of tasks that there are not', async () => {
  const client = await setUp()
  const name = `${QUEUE}/tasks/nothing`
  const notFound = { code: 5, details: 'Requested entity was not found.' }
  await expect(client.getTask({ name })).rejects.toMatchObject(notFound)
  await expect(client.deleteTask({ name })).rejects.toMatchObject(notFound)
  await expect(client.runTask({ name })).rejects.toMatchObject(notFound)
})

test.each([
  ['a name that is none', { name: 'work' }, /^Queue name must be formatted: "projects\/<PROJECT_ID>/],
  ['an id that is none', { name: `${LOCATION}/queues/no_way` }, /^Queue name must be formatted/],
  ['an id that is too long', { name: `${LOCATION}/queues/${'a'.repeat(101)}` }, /^Queue name must be formatted/],
  [
    'another location',
    { name: 'projects/p/locations/l/queues/q' },
    `projects/p/locations/l/queues/q must begin with ${LOCATION}.`,
  ],
  [
    'a rate',
    { rateLimits: { maxDispatchesPerSecond: 501 } },
    'RateLimits.maxDispatchesPerSecond must be less than or equal to 500.',
  ],
  [
    'a rate below 0',
    { rateLimits: { maxDispatchesPerSecond: -1 } },
    'RateLimits.maxDispatchesPerSecond cannot be negative.',
  ],
  [
    'dispatches',
    { rateLimits: { maxConcurrentDispatches: 5001 } },
    'RateLimits.maxConcurrentDispatches must be less than or equal to 5000.',
  ],
  ['attempts', { retryConfig: { maxAttempts: -2 } }, 'RetryConfig.maxAttempts must be greater or equal to -1.'],
  ['doublings', { retryConfig: { maxDoublings: -1 } }, 'RetryConfig.maxDoublings cannot be negative.'],
  ['a pause below 0', { retryConfig: { minBackoff: { seconds: -1 } } }, 'RetryConfig.minBackoff cannot be negative.'],
  [
    'pauses the wrong way round',
    { retryConfig: { minBackoff: { seconds: 2 }, maxBackoff: { seconds: 1 } } },
    'RetryConfig.minBackoff must be less than or equal to RetryConfig.maxBackoff.',
  ],
])('a queue with %s is refused', async (_, queue, message) => {
  const client = await setUp()
  const details = expect.stringMatching(message) as string
  const request = { parent: LOCATION, queue: { name: `${LOCATION}/queues/new`, ...queue } }
  await expect(client.createQueue(request)).rejects.toMatchObject({ code: 3, details })
})

test('a queue that exists is not created again', async () => {
  const client = await setUp()
  const again = client.createQueue({ parent: LOCATION, queue: { name: QUEUE } })
  await expect(again).rejects.toMatchObject({ code: 6, details: 'Queue already exists' })
})

const url = 'http://127.0.0.1:1/'
const seconds = (days: number): { seconds: number } => ({ seconds: startMs / 1000 + days * 86_400 })

test.each([
  ['no target', {}, 'Task.messageType must be set'],
  ['no URL', { httpRequest: { headers: {} } }, 'HttpRequest.url is required.'],
  ['another scheme', { httpRequest: { url: 'ftp://x/' } }, "HttpTarget.url must start with 'http://' or 'https://'."],
  ['a URL that is none', { httpRequest: { url: 'http://' } }, 'HttpRequest.url is invalid'],
  [
    'a body with GET',
    { httpRequest: { url, httpMethod: 'GET' as const, body: Buffer.from('x') } },
    'HttpRequest.body is not allowed for HTTP method GET.',
  ],
  ['a header that cannot be sent', { httpRequest: { url, headers: { 'a b': 'c' } } }, 'Invalid HTTP header: "a b".'],
  ['a header value that cannot be sent', { httpRequest: { url, headers: { a: 'b\nc' } } }, 'Invalid HTTP header: "a".'],
  [
    'too large headers',
    { httpRequest: { url, headers: { a: 'x'.repeat(81_920) } } },
    'The size of the headers must be less than 80KB.',
  ],
  ['too large a body', { httpRequest: { url, body: Buffer.alloc(1_048_576) } }, 'Task size too large'],
  [
    'an id that is none',
    { name: `${QUEUE}/tasks/not a valid id`, httpRequest: { url } },
    'Task ID "not a valid id" can contain only letters',
  ],
  ['a name that is none', { name: 'a', httpRequest: { url } }, 'Task name must be formatted: "projects/<PROJECT_ID>'],
  [
    'a name in another queue',
    { name: `${QUEUE}-other/tasks/a`, httpRequest: { url } },
    `The queue name from request ('${QUEUE}') must be the same as the queue name in the named task ('${QUEUE}-other').`,
  ],
  [
    'a time too far away',
    { httpRequest: { url }, scheduleTime: { ...seconds(31), nanos: 690_000_000 } },
    'The Task.scheduleTime, 2026-12-31T16:00:00.69-08:00, is too far in the future. Schedule time must be no more than 720h in the future.',
  ],
  [
    'too short a deadline',
    { httpRequest: { url }, dispatchDeadline: { seconds: 14 } },
    'Task.dispatchDeadline must be between [15s, 30m].',
  ],
  [
    'too long a deadline',
    { httpRequest: { url }, dispatchDeadline: { seconds: 1801 } },
    'Task.dispatchDeadline must be between [15s, 30m].',
  ],
])('a task with %s is refused', async (_, task, message) => {
  const client = await setUp()
  const details = expect.stringContaining(message) as string
  await expect(client.createTask({ parent: QUEUE, task })).rejects.toMatchObject({ code: 3, details })
})

test('an App Engine task is refused where no App Engine is', async () => {
  const client = await setUp()
  const refused = client.createTask({ parent: QUEUE, task: { appEngineHttpRequest: {} } })
  await expect(refused).rejects.toMatchObject({ code: 9 })
})

test('what is just within the limits is taken', async () => {
  const client = await setUp()
  const task = { httpRequest: { url }, scheduleTime: seconds(30), dispatchDeadline: { seconds: 1800 } }
  await client.createTask({ parent: QUEUE, task })
  await client.createTask({ parent: QUEUE, task: { httpRequest: { url, body: Buffer.alloc(1_040_000) } } })
  expect((await client.listTasks({ parent: QUEUE }))[0]).toHaveLength(2)
})

test('lists that cannot be', async () => {
  const client = await setUp()
  const options = { autoPaginate: false }
  await expect(client.listTasks({ parent: QUEUE, pageToken: 'x?' }, options)).rejects.toMatchObject({ code: 3 })
  await expect(client.listTasks({ parent: QUEUE, pageSize: -1 }, options)).rejects.toMatchObject({ code: 3 })
  await expect(client.listQueues({ parent: LOCATION, filter: 'colour = blue' }, options)).rejects.toMatchObject({
    code: 12,
  })
  expect((await client.listQueues({ parent: LOCATION, filter: 'state: PAUSED' }))[0]).toHaveLength(1)
  expect((await client.listQueues({ parent: LOCATION, filter: 'state = RUNNING' }))[0]).toHaveLength(0)
})
