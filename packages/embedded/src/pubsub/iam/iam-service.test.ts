import { expect, test } from 'vitest'
import { createPair, startBench } from '../testing.ts'

const bindings = [
  { role: 'roles/pubsub.editor', members: ['group:cloud-logs@google.com'] },
  { role: 'roles/pubsub.viewer', members: ['allUsers'] },
]

const setUp = async () => {
  const { client } = await startBench()
  const { topic, subscription } = await createPair(client)
  return { client, topic, subscription }
}

test('a resource without a policy has an empty one', async () => {
  const { topic } = await setUp()
  const [policy] = await topic.iam.getPolicy()
  expect(policy).toMatchObject({ bindings: [], version: 0 })
  expect(Buffer.from(policy.etag as Uint8Array).toString('base64')).toBe('ACAB')
})

test('a policy that is set is the one that is read, with another etag', async () => {
  const { topic, subscription } = await setUp()
  for (const resource of [topic, subscription]) {
    const [set] = await resource.iam.setPolicy({ bindings })
    expect(set.bindings).toEqual(bindings.map((binding) => ({ condition: null, ...binding })))
    expect((await resource.iam.getPolicy())[0]).toEqual(set)
  }
})

test('a policy that someone else changed is not overwritten', async () => {
  const { topic } = await setUp()
  const [read] = await topic.iam.getPolicy()
  await topic.iam.setPolicy({ ...read, bindings })
  await expect(topic.iam.setPolicy({ ...read, bindings: [] })).rejects.toMatchObject({
    code: 10,
    details: expect.stringContaining('There were concurrent policy changes.') as string,
  })
  expect((await topic.iam.getPolicy())[0].bindings).toHaveLength(2)
})

test('a policy goes with its resource', async () => {
  const { client, topic } = await setUp()
  await topic.iam.setPolicy({ bindings })
  await topic.delete()
  await expect(topic.iam.getPolicy()).rejects.toMatchObject({
    code: 5,
    details: 'Resource not found (resource=events).',
  })
  await client.createTopic('events')
  expect((await topic.iam.getPolicy())[0].bindings).toEqual([])
})

test('the owner may do anything to what is there, and nothing to what is not', async () => {
  const { client, topic, subscription } = await setUp()
  const permissions = ['pubsub.topics.get', 'pubsub.topics.update']
  expect((await topic.iam.testPermissions(permissions))[0]).toEqual({
    'pubsub.topics.get': true,
    'pubsub.topics.update': true,
  })
  expect((await subscription.iam.testPermissions(['pubsub.subscriptions.consume']))[0]).toEqual({
    'pubsub.subscriptions.consume': true,
  })
  expect((await client.topic('nothing').iam.testPermissions(permissions))[0]).toEqual({
    'pubsub.topics.get': false,
    'pubsub.topics.update': false,
  })
})

test.each([
  [{ role: 'editor', members: ['allUsers'] }, 'Role editor is not supported'],
  [{ role: 'roles/pubsub.editor', members: ['someone'] }, 'The member someone'],
  [{ role: 'roles/pubsub.editor', members: [] }, 'members were missing'],
  [{ role: 'roles/pubsub.editor', members: ['allUsers'], condition: { expression: 'true' } }, 'version must be 3'],
])('the binding %j is refused', async (binding, details) => {
  const { topic } = await setUp()
  await expect(topic.iam.setPolicy({ bindings: [binding] })).rejects.toMatchObject({
    code: 3,
    details: expect.stringContaining(details) as string,
  })
})

test('a permission of another kind of resource is refused', async () => {
  const { topic } = await setUp()
  await expect(topic.iam.testPermissions(['pubsub.subscriptions.consume'])).rejects.toMatchObject({
    code: 3,
    details: 'Permission pubsub.subscriptions.consume is not valid for this resource.',
  })
})
