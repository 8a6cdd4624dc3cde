import { collections, deadLetterTopic, topicRetentionDays, topics, type Rollup } from '@infinity-matrix/contracts'
import { reportJson, waitFor } from '@infinity-matrix/testing'
import { afterAll, expect, it } from 'vitest'
import { v7 as uuidv7 } from 'uuid'
import { openControlPlane } from '../packages/cli/src/control-plane.ts'
import { fireSchedule } from './clock.ts'
import { agentWhen, firestore, fresh, publish, pubsub, uniqueTenant } from './suite.ts'

afterAll(async () => {
  await Promise.all([firestore.terminate(), pubsub.close()])
})

const newAgentId = () => `subscribers-${crypto.randomUUID().slice(0, 8)}`

it('the six topics and their dead-letter topics keep messages for seven days', async () => {
  const controlPlane = await openControlPlane({
    projectId: process.env['GCLOUD_PROJECT'] ?? '',
    pubsubHost: process.env['PUBSUB_EMULATOR_HOST'],
    firestoreHost: process.env['FIRESTORE_EMULATOR_HOST'],
  })
  await controlPlane.ensureTopics()
  await controlPlane.close()
  const names = Object.values(topics).flatMap(({ name }) => [name, deadLetterTopic(name)])
  expect(names).toHaveLength(12)
  for (const name of names) {
    const [{ messageRetentionDuration }] = await pubsub.topic(name).getMetadata()
    expect(Number(messageRetentionDuration?.seconds), name).toBe(topicRetentionDays * 86_400)
  }
})

it('a critical error becomes an alert', async () => {
  const subject = `functions/${uniqueTenant()}`
  const error = {
    specversion: '1.0',
    source: '//control-plane/runtime',
    type: 'control-plane.failed.v1',
    subject,
    data: { code: 'tick-failed', message: 'a test' },
  }
  const now = new Date().toISOString()
  await publish(
    topics.criticalErrors.name,
    [1, 2].map(() => ({ ...error, id: uuidv7(), time: now })),
  )
  const alert = await waitFor(`the alert of ${subject}`, async () => {
    const { docs } = await firestore.collection(collections.alerts).where('subject', '==', subject).get()
    return docs[0]?.get('count') === 2 ? docs : undefined
  })
  expect(alert).toHaveLength(1)
})

it('an agent whose document cannot be read raises an alert', async () => {
  const agentId = newAgentId()
  await firestore.collection(collections.agents).doc(agentId).set({ agentId, status: 'nonsense' })
  const start = reportJson('agent.started.v1', 1, { kind: 'worker' }, { agentId, tenant: uniqueTenant() })
  await publish(topics.stateChanges.name, [fresh(start)])
  const alert = await waitFor('the alert', async () => {
    const { docs } = await firestore.collection(collections.alerts).where('subject', '==', `agents/${agentId}`).get()
    return docs[0]?.data()
  })
  expect(alert).toMatchObject({ code: 'document-unreadable' })
  // Its failure ends the function's process in the suite, and an event that still reaches that one never comes again: the
  // next test waits for the process that takes its place.
  const probe = newAgentId()
  await waitFor('another process of the function', async () => {
    await publish(topics.stateChanges.name, [
      fresh(reportJson('agent.started.v1', 1, { kind: 'worker' }, { agentId: probe, tenant: uniqueTenant() })),
    ])
    return agentWhen(probe, () => true, 3).catch(() => undefined)
  })
})

it('what folding did goes into the rollup of its tenant and minute', async () => {
  const tenant = uniqueTenant()
  const agentId = newAgentId()
  await publish(topics.stateChanges.name, [
    fresh(reportJson('agent.started.v1', 1, { kind: 'worker' }, { agentId, tenant })),
    fresh(reportJson('agent.step-taken.v1', 2, { step: 'acted' }, { agentId, tenant })),
  ])
  await agentWhen(agentId, ({ lastSequence }) => lastSequence === 2)
  // The subscription begins with its first pull, and earlier receipts are not of it: so there is a later one too.
  let sequence = 2
  const counted = await waitFor('the rollup', async () => {
    await fireSchedule('events-rollUpReceipts')
    const { docs } = await firestore.collection(collections.rollups).where('tenant', '==', tenant).get()
    const applied = docs.reduce((sum, snapshot) => sum + (snapshot.data() as Rollup).applied, 0)
    if (applied > 0) return applied
    sequence++
    await publish(topics.stateChanges.name, [
      fresh(reportJson('agent.step-taken.v1', sequence, { step: 'acted' }, { agentId, tenant })),
    ])
    return undefined
  })
  expect(counted).toBeLessThanOrEqual(sequence)
})
