import { expect, test } from 'vitest'
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
  readonly clientId = this
  readonly leaseMs = 10_000
  readonly held: Delivery[] = []
  room = Number.POSITIVE_INFINITY
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
