import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json, text } from 'node:stream/consumers'
import { expect, onTestFinished, test, vi } from 'vitest'
import { SteppedTime, systemTime, type TimeSource } from '../clock/time-source.ts'
import { connectRaw, createPair, publishNumbers, startBench } from './testing.ts'

interface Push {
  message: { data: string; messageId: string }
  subscription: string
  deliveryAttempt?: number
}

/** An endpoint that answers with what `statusOf` says. */
const startEndpoint = async (statusOf: (push: Push) => number) => {
  const received: Push[] = []
  const headers: IncomingHttpHeaders[] = []
  const server = createServer((request, response) => {
    void json(request).then((body) => {
      received.push(body as Push)
      headers.push(request.headers)
      response.writeHead(statusOf(body as Push)).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { received, headers, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook` }
}

test('a message is posted in the wrapped form and acknowledged by 204', async () => {
  const { client } = await startBench()
  const endpoint = await startEndpoint(() => 204)
  const { topic } = await createPair(client, { pushEndpoint: endpoint.url })
  const id = await topic.publishMessage({ data: Buffer.from('hello'), attributes: { a: 'b' } })
  await vi.waitFor(() => expect(endpoint.received).toHaveLength(1))
  expect(endpoint.received[0]).toEqual({
    message: {
      attributes: { a: 'b' },
      data: Buffer.from('hello').toString('base64'),
      messageId: id,
      message_id: id,
      publishTime: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      publish_time: expect.stringMatching(/^\d{4}-.*Z$/) as string,
    },
    subscription: 'projects/demo-test/subscriptions/worker',
  })
  expect(endpoint.headers[0]).toMatchObject({ 'content-type': 'application/json', 'user-agent': 'CloudPubSub-Google' })
})

test('what the endpoint refuses comes again until it is taken; nothing is lost', async () => {
  const { client } = await startBench()
  const failed = new Set<string>()
  const endpoint = await startEndpoint(({ message }) => {
    if (failed.has(message.messageId)) return 200
    failed.add(message.messageId)
    return 500
  })
  const { topic } = await createPair(client, {
    pushEndpoint: endpoint.url,
    retryPolicy: { minimumBackoff: { seconds: 0 }, maximumBackoff: { seconds: 0 } },
  })
  await publishNumbers(topic, 50)
  await vi.waitFor(() => expect(endpoint.received).toHaveLength(100), { timeout: 4000 })
  expect(failed.size).toBe(50)
})

test('retries wait as long as the retry policy says', async () => {
  const clock = new SteppedTime()
  const { client } = await startBench(clock)
  const endpoint = await startEndpoint(() => 500)
  const { topic } = await createPair(client, {
    pushEndpoint: endpoint.url,
    retryPolicy: { minimumBackoff: { seconds: 10 }, maximumBackoff: { seconds: 600 } },
  })
  await topic.publishMessage({ data: Buffer.from('x') })
  await vi.waitFor(() => expect(endpoint.received).toHaveLength(1))
  // Stepping by less than the backoff, in all, brings nothing; the second failure doubles it.
  const step = (received: number) => () => {
    clock.advance(1000)
    expect(endpoint.received).toHaveLength(received)
  }
  await vi.waitFor(step(2), 10_000)
  const secondMs = clock.now()
  await vi.waitFor(step(3), 10_000)
  expect(clock.now() - secondMs).toBeGreaterThanOrEqual(19_000)
})

test('attempts are numbered under a dead-letter policy', async () => {
  const { client } = await startBench()
  const [dead] = await client.createTopic('dead-letters')
  const endpoint = await startEndpoint(() => 500)
  const { topic } = await createPair(client, {
    pushEndpoint: endpoint.url,
    retryPolicy: { minimumBackoff: { seconds: 0 }, maximumBackoff: { seconds: 0 } },
    deadLetterPolicy: { deadLetterTopic: dead.name, maxDeliveryAttempts: 5 },
  })
  await topic.publishMessage({ data: Buffer.from('x') })
  await vi.waitFor(() => expect(endpoint.received).toHaveLength(5))
  expect(endpoint.received.map(({ deliveryAttempt }) => deliveryAttempt)).toEqual([1, 2, 3, 4, 5])
})

test('a subscription that pushes cannot be pulled, and can again when its endpoint is taken away', async () => {
  const { client, engine } = await startBench()
  const endpoint = await startEndpoint(() => 200)
  const { topic, subscription } = await createPair(client, { pushEndpoint: endpoint.url })
  const { subscriber: api } = connectRaw(engine)
  const pull = () => api.pull({ subscription: subscription.name, maxMessages: 1 })
  await expect(pull()).rejects.toMatchObject({ code: 9 })
  await subscription.modifyPushConfig({})
  await topic.publishMessage({ data: Buffer.from('x') })
  expect((await pull())[0].receivedMessages).toHaveLength(1)
  expect(endpoint.received).toHaveLength(0)
})

/** An endpoint that answers as it is told, and keeps what it got. */
const startRawEndpoint = async (answer: (request: IncomingMessage, response: ServerResponse) => void) => {
  const received: { url: string; headers: IncomingHttpHeaders; body: string }[] = []
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      received.push({ url: request.url ?? '', headers: request.headers, body })
      answer(request, response)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { received, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook` }
}

test.each([true, false])(
  'an unwrapped message is the body, its metadata the headers (if wanted: %s)',
  async (wanted) => {
    const { client } = await startBench()
    const endpoint = await startRawEndpoint((_, response) => response.writeHead(201).end())
    const { subscription } = await createPair(client, {
      enableMessageOrdering: true,
      pushConfig: { pushEndpoint: endpoint.url, noWrapper: { writeMetadata: wanted } },
    })
    const topic = client.topic('events', { messageOrdering: true })
    const id = await topic.publishMessage({
      data: Buffer.from('{"a":1}'),
      orderingKey: 'k',
      attributes: { color: 'red', 'content-length': '1', 'not a header': 'x', line: 'a\nb' },
    })
    await vi.waitFor(() => expect(endpoint.received).toHaveLength(1))
    const [{ headers, body } = { headers: {}, body: '' }] = endpoint.received
    expect(body).toBe('{"a":1}')
    expect(headers['content-length']).toBe('7')
    const metadata = {
      'x-goog-pubsub-subscription-name': subscription.name,
      'x-goog-pubsub-message-id': id,
      'x-goog-pubsub-ordering-key': 'k',
      'x-goog-pubsub-publish-time': expect.stringMatching(/Z$/) as string,
      color: 'red',
    }
    if (wanted) expect(headers).toMatchObject(metadata)
    else for (const header in metadata) expect(headers).not.toHaveProperty(header)
    expect(headers).not.toHaveProperty('line')
  },
)

test.each([200, 201, 202, 204])('%i acknowledges', async (status) => {
  const clock = new SteppedTime()
  const { client } = await startBench(clock)
  const endpoint = await startRawEndpoint((_, response) => response.writeHead(status).end())
  const { topic, subscription } = await createPair(client, { pushEndpoint: endpoint.url })
  await publishNumbers(topic, 1)
  await vi.waitFor(() => expect(endpoint.received).toHaveLength(1))
  await publishNumbers(topic, 1)
  // Comes second only when the first is acknowledged: one at a time at first.
  await vi.waitFor(() => expect(endpoint.received).toHaveLength(2))
  expect(endpoint.received[0]?.body).not.toBe(endpoint.received[1]?.body)
  await subscription.delete()
})

test.each([301, 302, 203, 400, 503])('%i gives the message back; a redirect is not followed', async (status) => {
  const { client } = await startBench()
  const endpoint = await startRawEndpoint((_, response) =>
    response.writeHead(endpoint.received.length < 3 ? status : 200, { location: '/elsewhere' }).end(),
  )
  const { topic } = await createPair(client, { pushEndpoint: endpoint.url })
  const id = await topic.publishMessage({ data: Buffer.from('x') })
  await vi.waitFor(() => expect(endpoint.received).toHaveLength(3))
  for (const { url, body } of endpoint.received) {
    expect(url).toBe('/hook')
    expect(body).toContain(id)
  }
})

test('the pause after a failure ends also when its timer is a little early, as timers of Node can be', async () => {
  const hasty: TimeSource = { now: () => systemTime.now(), after: (ms, run) => systemTime.after(ms - 20, run) }
  const { client } = await startBench(hasty)
  const endpoint = await startRawEndpoint((_, response) => response.writeHead(503).end())
  const { topic } = await createPair(client, { pushEndpoint: endpoint.url })
  await publishNumbers(topic, 1)
  await vi.waitFor(() => expect(endpoint.received.length).toBeGreaterThan(2), 10_000)
})

test('102 acknowledges, even when nothing follows it', async () => {
  const clock = new SteppedTime()
  const { client } = await startBench(clock)
  const endpoint = await startRawEndpoint((_, response) => response.writeProcessing())
  const { topic } = await createPair(client, { pushEndpoint: endpoint.url })
  await publishNumbers(topic, 1)
  await vi.waitFor(() => expect(endpoint.received).toHaveLength(1))
  await publishNumbers(topic, 1)
  await vi.waitFor(() => expect(endpoint.received).toHaveLength(2))
  expect(endpoint.received[0]?.body).not.toBe(endpoint.received[1]?.body)
})

test('an endpoint that does not answer has until the ack deadline, then gets the message again', async () => {
  const clock = new SteppedTime()
  const { client } = await startBench(clock)
  const endpoint = await startRawEndpoint((_, response) => {
    if (endpoint.received.length > 1) response.writeHead(200).end()
  })
  const { topic } = await createPair(client, {
    pushEndpoint: endpoint.url,
    ackDeadlineSeconds: 20,
    retryPolicy: { minimumBackoff: { seconds: 0 }, maximumBackoff: { seconds: 0 } },
  })
  await publishNumbers(topic, 1)
  await vi.waitFor(() => expect(endpoint.received).toHaveLength(1))
  clock.advance(19_000)
  await publishNumbers(topic, 1)
  expect(endpoint.received).toHaveLength(1)
  clock.advance(1200)
  await vi.waitFor(() => expect(endpoint.received.length).toBeGreaterThanOrEqual(2))
})

test('without a retry policy a failing endpoint is left alone, twice as long each time', async () => {
  const clock = new SteppedTime()
  const { client } = await startBench(clock)
  const endpoint = await startRawEndpoint((_, response) => response.writeHead(500).end())
  const { topic } = await createPair(client, { pushEndpoint: endpoint.url })
  await publishNumbers(topic, 1)
  const seenMs: number[] = []
  for (let attempt = 1; attempt <= 5; attempt++) {
    await vi.waitFor(() => {
      if (endpoint.received.length < attempt) clock.advance(50)
      expect(endpoint.received).toHaveLength(attempt)
    })
    seenMs.push(clock.now())
  }
  const pauses = seenMs.slice(1).map((ms, index) => ms - (seenMs[index] ?? 0))
  ;[100, 200, 400, 800].forEach((leastMs, index) => expect(pauses[index]).toBeGreaterThanOrEqual(leastMs))
})
