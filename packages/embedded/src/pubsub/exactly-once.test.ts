import { expect, test, vi } from 'vitest'
import { SteppedTime } from '../clock/time-source.ts'
import { connectRaw, createPair, publishNumbers, receive, startBench } from './testing.ts'

const options = { enableExactlyOnceDelivery: true }

const setUp = async () => {
  const clock = new SteppedTime()
  const { client, engine } = await startBench(clock)
  const { topic, subscription } = await createPair(client, options)
  const { subscriber } = connectRaw(engine)
  const pull = async () => {
    const [{ receivedMessages }] = await subscriber.pull({
      subscription: subscription.name,
      maxMessages: 10,
      returnImmediately: true,
    })
    return (receivedMessages ?? []).map(({ ackId }) => ackId ?? '')
  }
  const acknowledge = (ackIds: string[]) => subscriber.acknowledge({ subscription: subscription.name, ackIds })
  const extend = (ackIds: string[], ackDeadlineSeconds: number) =>
    subscriber.modifyAckDeadline({ subscription: subscription.name, ackIds, ackDeadlineSeconds })
  return { clock, topic, subscription, subscriber, pull, acknowledge, extend }
}

const failureOf = (...ackIds: string[]) => ({
  code: 3,
  reason: 'EXACTLY_ONCE_ACKID_FAILURE',
  errorInfoMetadata: Object.fromEntries(ackIds.map((ackId) => [ackId, 'PERMANENT_FAILURE_INVALID_ACK_ID'])),
})

test('an acknowledgement after the deadline fails, and the message comes again under another id', async () => {
  const { clock, topic, pull, acknowledge, extend } = await setUp()
  await publishNumbers(topic, 1)
  const [late = ''] = await pull()
  clock.advance(10_200)
  await expect(acknowledge([late])).rejects.toMatchObject(failureOf(late))
  await expect(extend([late], 60)).rejects.toMatchObject(failureOf(late))
  const [current = ''] = await pull()
  expect(current).not.toBe(late)
  await acknowledge([current])
  clock.advance(3_600_000)
  expect(await pull()).toEqual([])
})

test('ids that are good are acknowledged beside those that are not', async () => {
  const { clock, topic, pull, acknowledge } = await setUp()
  await publishNumbers(topic, 2)
  const [one = '', two = ''] = await pull()
  await acknowledge([one])
  await expect(acknowledge([one, two, 'made up'])).rejects.toMatchObject(failureOf(one, 'made up'))
  clock.advance(3_600_000)
  expect(await pull()).toEqual([])
})

test('a message is with one consumer at a time', async () => {
  const { clock, topic, pull, extend } = await setUp()
  await publishNumbers(topic, 1)
  const [ackId = ''] = await pull()
  await extend([ackId], 600)
  clock.advance(599_000)
  expect(await pull()).toEqual([])
  await extend([ackId], 0)
  expect(await pull()).toHaveLength(1)
})

test('a stream confirms what was done and what was not, and says each time that deliveries are exactly once', async () => {
  const { topic, subscription, subscriber } = await setUp()
  interface Response {
    receivedMessages: { ackId: string }[]
    acknowledgeConfirmation: { ackIds: string[]; invalidAckIds: string[] } | null
    modifyAckDeadlineConfirmation: { ackIds: string[]; invalidAckIds: string[] } | null
    subscriptionProperties: { exactlyOnceDeliveryEnabled: boolean } | null
  }
  const responses: Response[] = []
  const stream = subscriber.streamingPull()
  stream.on('error', () => {})
  stream.on('data', (response: Response) => responses.push(response))
  stream.write({ subscription: subscription.name, streamAckDeadlineSeconds: 10 })
  await publishNumbers(topic, 1)
  await vi.waitFor(() => expect(responses.flatMap(({ receivedMessages }) => receivedMessages)).toHaveLength(1))
  const [{ ackId } = { ackId: '' }] = responses.flatMap(({ receivedMessages }) => receivedMessages)
  stream.write({ modifyDeadlineAckIds: [ackId, 'x'], modifyDeadlineSeconds: [60, 60] })
  stream.write({ ackIds: [ackId] })
  stream.write({ ackIds: [ackId] })
  await vi.waitFor(() => {
    expect(responses.flatMap((response) => response.modifyAckDeadlineConfirmation ?? [])).toMatchObject([
      { ackIds: [ackId], invalidAckIds: ['x'] },
    ])
    expect(responses.flatMap((response) => response.acknowledgeConfirmation ?? [])).toMatchObject([
      { ackIds: [ackId], invalidAckIds: [] },
      { ackIds: [], invalidAckIds: [ackId] },
    ])
  })
  // Clients in other languages than Node's take it for a no where it is left out.
  expect(responses.map((response) => response.subscriptionProperties?.exactlyOnceDeliveryEnabled)).not.toContain(
    undefined,
  )
  stream.end()
})

test('the client library hears that an acknowledgement was taken, or was not', async () => {
  const { client, engine } = await startBench()
  const { topic, subscription } = await createPair(client, options)
  const { subscriber } = connectRaw(engine)
  const received = receive(subscription, 2)
  await publishNumbers(topic, 2)
  const [first, second] = await received
  await expect(first?.ackWithResponse()).resolves.toBe('SUCCESS')
  // Someone else acknowledges it first.
  await subscriber.acknowledge({ subscription: subscription.name, ackIds: [second?.ackId ?? ''] })
  await expect(second?.ackWithResponse()).rejects.toMatchObject({ errorCode: 'INVALID' })
})

test('the client library gives a message back, and gets it again', async () => {
  const { client } = await startBench()
  const { topic, subscription } = await createPair(client, options)
  const received = receive(subscription, 2, (message) => {
    void message.nackWithResponse()
  })
  await publishNumbers(topic, 1)
  const [first, second] = await received
  expect(second?.id).toBe(first?.id)
})
