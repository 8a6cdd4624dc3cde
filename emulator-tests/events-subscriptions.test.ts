import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  DeadLetterGroups,
  ProblemDetails,
  SubscriptionDocument,
  topics,
  type Delivered,
  type SubscriptionDefinition,
} from '@infinity-matrix/contracts'
import { reportJson, waitFor } from '@infinity-matrix/testing'
import { afterAll, expect, it } from 'vitest'
import { firestore, fresh, functionUrl, publish, pubsub, signedIn, uniqueTenant } from './suite.ts'

afterAll(async () => {
  await Promise.all([firestore.terminate(), pubsub.close()])
})

const call = async (method: string, path: string, body?: object): Promise<unknown> => {
  const response = await fetch((await functionUrl('events-api')) + path, {
    method,
    headers: { ...signedIn(), 'content-type': 'application/json' },
    ...(body ? { body: JSON.stringify(body) } : {}),
  })
  return response.json()
}
const subscribe = async (definition: Partial<SubscriptionDefinition>) =>
  SubscriptionDocument.parse(await call('POST', '/v1/subscriptions', definition))

it('an endpoint hears of its tenant, filtered, projected and in order; gone and back, it gets what it missed', async () => {
  const taken: Delivered[] = []
  let isGone = false
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      if (!isGone) taken.push(JSON.parse(Buffer.concat(chunks).toString()) as Delivered)
      response.writeHead(isGone ? 410 : 204).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const tenant = uniqueTenant()
  const { id, activeFrom } = await subscribe({
    tenant,
    filter: 'event.type == "agent.step-taken.v1"',
    projection: '{"status": state.status}',
    target: { kind: 'https', url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` },
  })
  await waitFor('the subscription to be active', () => (Date.now() > Date.parse(activeFrom) ? true : undefined))
  const agentId = `subscribed-${crypto.randomUUID().slice(0, 8)}`
  const overrides = { agentId, tenant }
  const [start, ...steps] = [
    fresh(reportJson('agent.started.v1', 1, { kind: 'worker' }, overrides)),
    ...[2, 3, 4, 5].map((sequence) => fresh(reportJson('agent.step-taken.v1', sequence, { step: 'acted' }, overrides))),
  ]
  // In one message: the suite starts a process for each that is there at once.
  await publish(topics.stateChanges.name, [{ events: [...steps.toReversed(), start] }])
  const firsts = () => [...new Set(taken.map(({ sequence }) => sequence))]
  await waitFor('four steps', () => (firsts().length === 4 ? true : undefined), { deadlineSeconds: 100 })
  expect(firsts()).toEqual([2, 3, 4, 5])
  expect(taken[0]).toMatchObject({ tenant, subject: `agents/${agentId}`, data: { status: 'running' } })

  isGone = true
  const missed = fresh(reportJson('agent.step-taken.v1', 6, { step: 'acted' }, overrides))
  await publish(topics.stateChanges.name, [missed])
  const disabled = await waitFor('the subscription to be disabled', async () => {
    const seen = SubscriptionDocument.parse(await call('GET', `/v1/subscriptions/${id}`))
    return seen.status === 'disabled' ? seen.disabled : undefined
  })
  expect(disabled).toMatchObject({ reason: 'answered 410' })
  const topic = `subscriber.${id}`
  const { groups } = DeadLetterGroups.parse(await call('GET', `/v1/dead-letter-groups?tenant=${tenant}`))
  expect(groups).toMatchObject([{ topic, code: 'endpoint-gone', letters: 1, open: 1 }])
  isGone = false
  expect(await call('PATCH', `/v1/subscriptions/${id}`, { status: 'active' })).toMatchObject({ disabled: null })
  await call('POST', '/v1/dead-letter-replays', { filter: { topic } })
  await waitFor('what it missed', () => taken.find((one) => one.id === missed.id))
  expect(await call('DELETE', `/v1/subscriptions/${id}`)).toMatchObject({ id })
  await new Promise((resolve) => server.close(resolve))
}, 150_000)

it.each([
  [{ filter: 'evnt.type == ""' }, 'filter', /must not name evnt/],
  [{ projection: '{' }, 'projection', /must be CEL/],
  [{ target: { kind: 'topic', topic: 'agent.state-changes' } }, 'target.topic', /must begin with tenant\./],
  [{ target: { kind: 'topic', topic: 'tenant.another.changes' } }, 'target.topic', /must begin with tenant\./],
  [{ target: { kind: 'https', url: 'http://10.0.0.1/' } }, 'target.url', /must be https/],
  [{ retry: { attemptsMax: 1 } }, 'retry.attemptsMax', /from 5 to 100/],
])('a subscription that breaks a rule is refused with it: %o', async (wrong, field, rule) => {
  const tenant = uniqueTenant()
  const sound = { tenant, target: { kind: 'topic', topic: `tenant.${tenant}.changes` } }
  const problem = ProblemDetails.parse(await call('POST', '/v1/subscriptions', { ...sound, ...wrong }))
  expect(problem.errors).toMatchObject([{ field, rule: expect.stringMatching(rule) }])
})
