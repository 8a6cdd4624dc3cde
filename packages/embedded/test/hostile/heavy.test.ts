import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { Attack } from './attack.ts'
import { encoded } from './messages.ts'
import { framed } from './raw-grpc.ts'

// What is quadratic, or worse, takes minutes for these; what is linear, parts of a second.

const DATABASE = 'projects/p/databases/(default)'
const DOCUMENTS = `${DATABASE}/documents`
const MINUTE = 60_000
const OK = '0'
const INVALID_ARGUMENT = '3'

let attack: Attack

beforeAll(async () => {
  attack = await Attack.begin()
}, 30_000)
afterEach(() => attack.expectWell())
afterAll(() => attack.end())

const firestore = async (method: string, request: object) => {
  const { status, message } = await attack.send(attack.method(`/google.firestore.v1.Firestore/${method}`), request)
  return { status, message }
}
const commit = (...writes: object[]) => firestore('Commit', { database: DATABASE, writes })
const many = <T>(count: number, item: (index: number) => T): T[] => Array.from({ length: count }, (_, i) => item(i))
const integers = (count: number, from = 0) => many(count, (i) => ({ integerValue: from + i }))
const update = (id: string, fields: object) => ({ update: { name: `${DOCUMENTS}/c/${id}`, fields } })

test('as many partitions as there are numbers', { timeout: MINUTE }, async () => {
  await commit(...many(3, (i) => update(`d${i}`, {})))
  const { path, request } = attack.method('/google.firestore.v1.Firestore/PartitionQuery')
  const structuredQuery = {
    from: [{ collectionId: 'c', allDescendants: true }],
    orderBy: [{ field: { fieldPath: '__name__' }, direction: 1 }],
  }
  // A varint of 2^63 - 1, which is more than a number of JavaScript can tell.
  const partitionCount = Buffer.from('18ffffffffffffffff7f', 'hex')
  const message = Buffer.concat([encoded(request, { parent: DOCUMENTS, structuredQuery }), partitionCount])
  expect((await attack.call('firestore', { path, body: framed(message) })).status).toBe(OK)
})

test('arrays of tens of thousands that become one, and are taken away', { timeout: MINUTE }, async () => {
  const transform = (operation: object) => ({
    ...update('a', {}),
    updateMask: { fieldPaths: [] },
    updateTransforms: [{ fieldPath: 'a', ...operation }],
  })
  const united = transform({ appendMissingElements: { values: integers(15_000) } })
  const again = transform({ appendMissingElements: { values: integers(15_000, 10_000) } })
  const removed = transform({ removeAllFromArray: { values: integers(90_000, 5) } })
  expect((await commit(united, again, united, removed, again, removed)).status).toBe(OK)
})

test('a query by more orders than there can be', async () => {
  const orderBy = many(50_000, (i) => ({ field: { fieldPath: `f${i}` }, direction: 1 }))
  const structuredQuery = { from: [{ collectionId: 'c' }], orderBy }
  expect(await firestore('RunQuery', { parent: DOCUMENTS, structuredQuery })).toEqual({
    status: INVALID_ARGUMENT,
    message: expect.stringContaining('more than 100 filters + sort orders') as string,
  })
})

test('a name of megabytes is told in part, and ends nothing else', async () => {
  const topic = `projects/p/topics/${'x'.repeat(5_000_000)}`
  const answer = await attack.send(attack.method('/google.pubsub.v1.Publisher/GetTopic'), { topic })
  expect(answer.status).toBe(INVALID_ARGUMENT)
  expect(answer.message.length).toBeLessThan(5000)
})
