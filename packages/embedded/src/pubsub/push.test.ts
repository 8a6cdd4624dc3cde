import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { expect, onTestFinished, test, vi } from 'vitest'
import { SteppedTime } from '../clock/time-source.ts'
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
  await vi.waitFor(() => {
    clock.advance(1000)
    expect(endpoint.received).toHaveLength(2)
  })
  const secondMs = clock.now()
  await vi.waitFor(() => {
    clock.advance(1000)
    expect(endpoint.received).toHaveLength(3)
  })
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
