import { messageText, topics } from '@infinity-matrix/contracts'
import { expect, it } from 'vitest'
import { createPublisherTransport } from './publisher-transport.ts'

const encoded = (type: string, name: string) => ({ type, text: JSON.stringify({ type, name }), bytes: 40 })

it('a batch becomes one message for each topic, in the order of its events', async () => {
  const published: Record<string, string> = {}
  const transport = createPublisherTransport(async (topic, text) => {
    published[topic] = text
  })
  const batch = [
    encoded('agent.started.v1', 'a'),
    encoded('agent.heartbeat.v1', 'b'),
    encoded('agent.step-taken.v1', 'c'),
  ]
  expect(await transport.send(batch)).toEqual(batch.map(() => ({ status: 'accepted' })))
  expect(published).toEqual({
    [topics.stateChanges.name]: messageText([
      '{"type":"agent.started.v1","name":"a"}',
      '{"type":"agent.step-taken.v1","name":"c"}',
    ]),
    [topics.healthChecks.name]: '{"type":"agent.heartbeat.v1","name":"b"}',
  })
})

it('a message that cannot be published fails the batch', async () => {
  const transport = createPublisherTransport(() => Promise.reject(new Error('away')))
  await expect(transport.send([encoded('agent.started.v1', 'a')])).rejects.toThrow('away')
})
