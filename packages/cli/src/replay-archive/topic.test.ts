import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { PubSub, type Message } from '@google-cloud/pubsub'
import { startPubSubEngine } from '@infinity-matrix/embedded/pubsub'
import { waitFor } from '@infinity-matrix/testing'
import { expect, onTestFinished, test } from 'vitest'
import { openControlPlane } from '../control-plane.ts'
import { reportEvent } from '../events.ts'
import { archiveOf } from '../rebuild/verify.ts'

const projectId = 'demo-replay-archive'
const sender = { tenant: 'acme', region: 'local', tier: 'standard' } as const

const startArchive = async () => {
  const folder = await mkdtemp(join(tmpdir(), 'replay-'))
  const engine = await startPubSubEngine({ tablesIn: folder })
  const pubsubHost = `${engine.host}:${engine.port}`
  const controlPlane = await openControlPlane({ projectId, pubsubHost, firestoreHost: '127.0.0.1:1' })
  const pubsub = new PubSub({ projectId, apiEndpoint: pubsubHost, emulatorMode: true })
  onTestFinished(async () => {
    await Promise.all([controlPlane.close(), pubsub.close()])
    await engine.close()
    await rm(folder, { recursive: true })
  })
  await controlPlane.ensureTopics()
  return { controlPlane, pubsub, pubsubHost, folder }
}

test('a time of the archive goes to a new topic, each agent in order, and only once with a cursor', async () => {
  const { controlPlane, pubsub, pubsubHost, folder } = await startArchive()
  const publish = async (from: number, to: number) => {
    for (let sequence = from; sequence <= to; sequence++)
      for (const agentId of ['a', 'b'])
        await controlPlane.publish(
          reportEvent({ agentId, ...sender }, sequence, { type: 'agent.step-taken.v1', data: { step: 'acted' } }),
        )
    return new Date().toISOString()
  }
  const archived = async () => {
    let count = 0
    for await (const _ of archiveOf(controlPlane).events()) count++
    return count
  }
  await publish(1, 3)
  await waitFor('the first part', async () => ((await archived()) === 6 ? true : undefined))
  const from = new Date().toISOString()
  const until = await publish(4, 9)
  await waitFor('the end of the millisecond', () => (Date.now() > Date.parse(until) ? true : undefined))
  await publish(10, 11)
  await waitFor('all of it', async () => ((await archived()) === 22 ? true : undefined))

  const [topic] = await pubsub.createTopic('replayed')
  const [subscription] = await topic.createSubscription('replayed', { enableMessageOrdering: true })
  const received: Record<string, number[]> = { a: [], b: [] }
  subscription.on('message', (message: Message) => {
    const { sequence } = JSON.parse(message.data.toString()) as { sequence: number }
    received[message.orderingKey ?? '']?.push(sequence)
    message.ack()
  })
  const cursor = join(folder, 'cursor.json')
  const replay = async (): Promise<unknown> => {
    const command = join(import.meta.dirname, '../replay-archive.ts')
    const options = ['--topic', 'replayed', '--from', from, '--until', until, '--cursor', cursor, '--json']
    const env = { ...process.env, GCLOUD_PROJECT: projectId, PUBSUB_EMULATOR_HOST: pubsubHost }
    const { stdout } = await promisify(execFile)(process.execPath, [command, ...options], { env })
    return JSON.parse(stdout)
  }
  expect(await replay()).toMatchObject({ sent: 12, skipped: 0 })
  expect(await replay()).toMatchObject({ sent: 0, skipped: 12 })
  await waitFor('the replayed events', () => (Object.values(received).flat().length >= 12 ? true : undefined))
  await subscription.close()
  expect(received).toEqual({ a: [4, 5, 6, 7, 8, 9], b: [4, 5, 6, 7, 8, 9] })
}, 60_000)
