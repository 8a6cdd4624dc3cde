import fc from 'fast-check'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { SteppedTime } from '../clock/time-source.ts'
import type { Consumer, Delivery, StoredMessage } from './delivery.ts'
import { DeliveryQueue, type DeliveryPolicy } from './delivery-queue.ts'

let sequence = 0

const message = (id: string, orderingKey = ''): StoredMessage => ({
  sequence: sequence++,
  wire: { data: new Uint8Array(1), attributes: {}, messageId: id, publishTime: null, orderingKey },
  bytes: 1,
  publishedMs: Date.UTC(2026, 0, 1),
})

class Taker implements Consumer {
  readonly takesKeysInBatches = true
  readonly clientId: unknown
  readonly leaseMs = 10_000
  readonly held: Delivery[] = []
  room = Number.POSITIVE_INFINITY
  constructor(clientId?: string) {
    this.clientId = clientId ?? this
  }
  hasRoom(): boolean {
    return this.held.length < this.room
  }
  deliver(delivery: Delivery): void {
    this.held.push(delivery)
  }
  flush(): void {}
  released(): void {}
  subscriptionChanged(): void {}
  subscriptionEnded(): void {}

  /** Takes what is ready and returns its message ids. */
  take(queue: DeliveryQueue): string[] {
    const before = this.held.length
    queue.serve(this)
    return this.held.slice(before).map((delivery) => delivery.message.wire.messageId)
  }
  ackIdOf(id: string): string {
    return this.held.findLast((delivery) => delivery.message.wire.messageId === id)?.ackId ?? ''
  }
}

const setUp = (policy: Partial<DeliveryPolicy> = {}) => {
  const time = new SteppedTime()
  const queue = new DeliveryQueue(time, 'test-', {
    ordered: true,
    exactlyOnce: false,
    retentionMs: 7 * 24 * 3600 * 1000,
    backoffMs: () => 0,
    deadLetter: () => false,
    done: () => {},
    durable: () => undefined,
    ...policy,
  })
  return { time, queue, taker: new Taker() }
}

test('a message whose deadline passes comes again, once, and not before', () => {
  const { time, queue, taker } = setUp()
  queue.enqueue(message('1'))
  expect(taker.take(queue)).toEqual(['1'])
  time.advance(9_999)
  expect(taker.take(queue)).toEqual([])
  time.advance(101)
  expect(taker.take(queue)).toEqual(['1'])
  expect(taker.take(queue)).toEqual([])
})

test('a lease that is extended holds until the new deadline', () => {
  const { time, queue, taker } = setUp()
  queue.enqueue(message('1'))
  taker.take(queue)
  time.advance(9_000)
  expect(queue.modifyDeadline(taker.ackIdOf('1'), 60)).toBe(true)
  time.advance(59_900)
  expect(taker.take(queue)).toEqual([])
  time.advance(200)
  expect(taker.take(queue)).toEqual(['1'])
})

test('an acknowledged message never comes again', () => {
  const { time, queue, taker } = setUp()
  queue.enqueue(message('1'))
  taker.take(queue)
  expect(queue.acknowledge(taker.ackIdOf('1'))).toBe(true)
  expect(queue.acknowledge(taker.ackIdOf('1'))).toBe(false)
  time.advance(3_600_000)
  expect(taker.take(queue)).toEqual([])
})

test('an acknowledgement that comes after the deadline counts until the next attempt', () => {
  const { time, queue, taker } = setUp()
  queue.enqueue(message('1'))
  taker.take(queue)
  time.advance(11_000)
  expect(queue.acknowledge(taker.ackIdOf('1'))).toBe(true)
  expect(taker.take(queue)).toEqual([])
})

test('an acknowledgement under the id of an earlier attempt does nothing', () => {
  const { time, queue, taker } = setUp()
  queue.enqueue(message('1'))
  taker.take(queue)
  const earlier = taker.ackIdOf('1')
  time.advance(11_000)
  taker.take(queue)
  expect(queue.acknowledge(earlier)).toBe(false)
  time.advance(11_000)
  expect(taker.take(queue)).toEqual(['1'])
})

test('a retry policy delays the next attempt', () => {
  const { time, queue, taker } = setUp({ backoffMs: (failures) => 1000 * 2 ** failures })
  queue.enqueue(message('1'))
  taker.take(queue)
  queue.modifyDeadline(taker.ackIdOf('1'), 0)
  time.advance(1_900)
  expect(taker.take(queue)).toEqual([])
  time.advance(200)
  expect(taker.take(queue)).toEqual(['1'])
  queue.modifyDeadline(taker.ackIdOf('1'), 0)
  time.advance(3_900)
  expect(taker.take(queue)).toEqual([])
  time.advance(200)
  expect(taker.take(queue)).toEqual(['1'])
})

test('a message that outlived its retention is gone', () => {
  const { time, queue, taker } = setUp({ retentionMs: 600_000 })
  queue.enqueue(message('1'))
  time.advance(600_001)
  expect(taker.take(queue)).toEqual([])
})

test('a dead letter is taken out, and the rest of its key goes on', () => {
  const { queue, taker } = setUp({ deadLetter: (delivery) => delivery.failures >= 2 })
  queue.enqueue(message('1', 'k'))
  queue.enqueue(message('2', 'k'))
  taker.take(queue)
  queue.modifyDeadline(taker.ackIdOf('1'), 0)
  expect(taker.take(queue)).toEqual(['1', '2'])
  queue.modifyDeadline(taker.ackIdOf('1'), 0)
  expect(taker.take(queue)).toEqual(['2'])
})

test('redelivery of an ordered message redelivers all that followed it, acknowledged or not', () => {
  const { queue, taker } = setUp()
  for (const id of ['1', '2', '3', '4']) queue.enqueue(message(id, 'k'))
  queue.enqueue(message('other', 'l'))
  expect(taker.take(queue)).toEqual(['1', '2', '3', '4', 'other'])
  queue.acknowledge(taker.ackIdOf('1'))
  queue.acknowledge(taker.ackIdOf('3'))
  queue.acknowledge(taker.ackIdOf('other'))
  queue.modifyDeadline(taker.ackIdOf('2'), 0)
  expect(taker.take(queue)).toEqual(['2', '3', '4'])
})

test('a key whose messages are out waits, other keys do not', () => {
  const { queue, taker } = setUp()
  const second = new Taker()
  queue.enqueue(message('1', 'k'))
  expect(taker.take(queue)).toEqual(['1'])
  queue.enqueue(message('2', 'k'))
  queue.enqueue(message('3', 'l'))
  expect(second.take(queue)).toEqual(['3'])
  queue.acknowledge(taker.ackIdOf('1'))
  expect(second.take(queue)).toEqual(['2'])
})

test('a key that backs off holds back what follows', () => {
  const { time, queue, taker } = setUp({ backoffMs: () => 5000 })
  queue.enqueue(message('1', 'k'))
  queue.enqueue(message('2', 'k'))
  taker.take(queue)
  queue.modifyDeadline(taker.ackIdOf('1'), 0)
  queue.enqueue(message('3', 'k'))
  expect(taker.take(queue)).toEqual([])
  time.advance(5100)
  expect(taker.take(queue)).toEqual(['1', '2', '3'])
})

test('100,000 leases fall due in order of their deadlines, at the cost of one timer', () => {
  const { time, queue, taker } = setUp()
  for (let index = 0; index < 100_000; index++) queue.enqueue(message(String(index)))
  expect(taker.take(queue)).toHaveLength(100_000)
  time.advance(10_100)
  expect(taker.take(queue)).toHaveLength(100_000)
})

test('the messages of a key keep flowing to the client that has the earlier ones', () => {
  const { queue, taker } = setUp()
  const second = new Taker()
  for (const consumer of [taker, second]) queue.addConsumer(consumer)
  queue.enqueue(message('1', 'k'))
  expect(taker.take(queue)).toEqual(['1'])
  queue.enqueue(message('2', 'k'))
  expect(second.take(queue)).toEqual([])
  expect(taker.take(queue)).toEqual(['2'])
  queue.acknowledge(taker.ackIdOf('2'))
  queue.enqueue(message('3', 'k'))
  expect(second.take(queue)).toEqual([])
  queue.acknowledge(taker.ackIdOf('1'))
  expect(second.take(queue)).toEqual(['3'])
})

test('a key goes to another client once what the one that left had is over', () => {
  const { time, queue, taker } = setUp()
  const second = new Taker()
  for (const consumer of [taker, second]) queue.addConsumer(consumer)
  for (const id of ['1', '2']) queue.enqueue(message(id, 'k'))
  taker.room = 1
  expect(taker.take(queue)).toEqual(['1'])
  queue.removeConsumer(taker)
  expect(second.take(queue)).toEqual([])
  time.advance(10_100)
  expect(second.take(queue)).toEqual(['1', '2'])
})

test('a client that gave back messages of a key gets them again, another only when it takes none for 10 s', () => {
  const { time, queue, taker } = setUp()
  const second = new Taker()
  for (const consumer of [taker, second]) queue.addConsumer(consumer)
  for (const id of ['1', '2']) queue.enqueue(message(id, 'k'))
  taker.take(queue)
  queue.modifyDeadline(taker.ackIdOf('2'), 0)
  queue.acknowledge(taker.ackIdOf('1'))
  expect(second.take(queue)).toEqual([])
  expect(taker.take(queue)).toEqual(['2'])
  queue.modifyDeadline(taker.ackIdOf('2'), 0)
  time.advance(9_900)
  expect(second.take(queue)).toEqual([])
  time.advance(200)
  expect(second.take(queue)).toEqual(['2'])
})

test('a client that comes back under its id goes on with its keys', () => {
  const { queue } = setUp()
  const first = new Taker('client')
  const again = new Taker('client')
  const other = new Taker()
  queue.addConsumer(first)
  queue.enqueue(message('1', 'k'))
  expect(first.take(queue)).toEqual(['1'])
  queue.removeConsumer(first)
  queue.enqueue(message('2', 'k'))
  for (const consumer of [other, again]) queue.addConsumer(consumer)
  expect(other.take(queue)).toEqual([])
  expect(again.take(queue)).toEqual(['2'])
})

test('a key waits for the earliest of its messages that backs off', () => {
  const { time, queue, taker } = setUp({ backoffMs: () => 5000 })
  for (const id of ['1', '2']) queue.enqueue(message(id, 'k'))
  taker.take(queue)
  queue.modifyDeadline(taker.ackIdOf('2'), 0)
  time.advance(3000)
  queue.modifyDeadline(taker.ackIdOf('1'), 0)
  time.advance(2100)
  expect(taker.take(queue)).toEqual([])
  time.advance(3000)
  expect(taker.take(queue)).toEqual(['1', '2'])
})

test('what replaces the backlog is delivered, and nothing of what was out counts any more', () => {
  const { time, queue, taker } = setUp()
  queue.addConsumer(taker)
  const all = ['1', '2', '3'].map((id) => message(id, id === '3' ? '' : 'k'))
  for (const each of all) queue.enqueue(each)
  taker.take(queue)
  const old = taker.ackIdOf('2')
  queue.replace(all.slice(1))
  expect(queue.acknowledge(old)).toBe(false)
  expect(taker.take(queue).toSorted()).toEqual(['2', '3'])
  expect(queue.unacknowledged().map(({ wire }) => wire.messageId)).toEqual(['2', '3'])
  queue.acknowledge(taker.ackIdOf('2'))
  time.advance(10_100)
  expect(taker.take(queue)).toEqual(['3'])
})

type Step =
  | { kind: 'publish'; key: string }
  | { kind: 'take'; consumer: number; room: number }
  | { kind: 'ack' | 'nack'; consumer: number; index: number }
  | { kind: 'advance'; ms: number }
  | { kind: 'leave' | 'join'; consumer: number }

const consumerIndex = fc.nat(2)
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('publish' as const), key: fc.constantFrom('', 'a', 'b') }),
  fc.record({ kind: fc.constant('take' as const), consumer: consumerIndex, room: fc.integer({ min: 1, max: 5 }) }),
  fc.record({ kind: fc.constantFrom('ack' as const, 'nack' as const), consumer: consumerIndex, index: fc.nat(8) }),
  fc.record({ kind: fc.constant('advance' as const), ms: fc.constantFrom(100, 3000, 11_000) }),
  fc.record({ kind: fc.constantFrom('leave' as const, 'join' as const), consumer: consumerIndex }),
)

test.each([0, 2000])(
  'whatever happens, keys are in order, with one client each, and nothing is lost (backoff %s ms)',
  (ms) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const { time, queue } = setUp({ backoffMs: () => ms })
        const consumers = [new Taker(), new Taker(), new Taker()]
        const published = new Map<string, string[]>()
        const acked = new Set<string>()
        const lastOfKey = new Map<string, number>()
        let count = 0
        const take = (consumer: Taker) => {
          const before = consumer.held.length
          queue.serve(consumer)
          for (const { message: taken } of consumer.held.slice(before)) {
            const { orderingKey, messageId } = taken.wire
            if (orderingKey === '') continue
            const place = published.get(orderingKey)?.indexOf(messageId) ?? -1
            // The next of its key, or one that came before: never is one skipped.
            expect(place).toBeLessThanOrEqual((lastOfKey.get(orderingKey) ?? -1) + 1)
            lastOfKey.set(orderingKey, place)
            for (const other of consumers) {
              if (other === consumer) continue
              const out = other.held.filter(({ state, consumer: holder }) => state === 'leased' && holder === other)
              expect(out.filter(({ message: theirs }) => theirs.wire.orderingKey === orderingKey)).toEqual([])
            }
          }
        }
        for (const consumer of consumers) queue.addConsumer(consumer)
        for (const each of steps) {
          if (each.kind === 'publish') {
            const id = String(count++)
            published.set(each.key, [...(published.get(each.key) ?? []), id])
            queue.enqueue(message(id, each.key))
          } else if (each.kind === 'advance') time.advance(each.ms)
          else {
            const consumer = consumers[each.consumer] as Taker
            if (each.kind === 'take') {
              consumer.room = consumer.held.length + each.room
              take(consumer)
            } else if (each.kind === 'leave') queue.removeConsumer(consumer)
            else if (each.kind === 'join') {
              queue.removeConsumer(consumer)
              queue.addConsumer(consumer)
            } else if ('index' in each) {
              const delivery = consumer.held.at(-1 - each.index)
              if (!delivery) continue
              if (each.kind === 'nack') queue.modifyDeadline(delivery.ackId, 0)
              else if (queue.acknowledge(delivery.ackId)) acked.add(delivery.message.wire.messageId)
            }
          }
        }
        const [first] = consumers as [Taker]
        first.room = Number.POSITIVE_INFINITY
        queue.removeConsumer(first)
        queue.addConsumer(first)
        for (let round = 0; round < 5 && queue.unacknowledged().length > 0; round++) {
          time.advance(20_000)
          take(first)
          for (const { ackId, message: taken } of first.held)
            if (queue.acknowledge(ackId)) acked.add(taken.wire.messageId)
        }
        expect(queue.unacknowledged()).toEqual([])
        expect(acked.size).toBe(count)
        queue.close(new Error('the test is over'))
      }),
      { numRuns: 300 },
    )
  },
)

test('a new message goes out only when it is kept, and its publisher has had its id', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const { queue, taker } = setUp({ durable: () => promise })
  queue.addConsumer(taker)
  await turn()
  queue.enqueue(message('a'))
  await turn()
  expect(taker.held).toHaveLength(0)
  resolve()
  await turn()
  expect(taker.held).toHaveLength(0)
  await vi.waitFor(() => expect(taker.held).toHaveLength(1))
})

test('a new message goes out also when it could not be kept: its publisher hears of that', async () => {
  const { queue, taker } = setUp({ durable: () => Promise.reject(new Error('no disk')) })
  queue.addConsumer(taker)
  queue.enqueue(message('a'))
  await vi.waitFor(() => expect(taker.held).toHaveLength(1))
})
