import type { TimeSource } from '../clock/time-source.ts'
import { DeadlineWheel } from './deadline-wheel.ts'
import { Delivery, type Consumer, type StoredMessage } from './delivery.ts'
import { Deque } from './deque.ts'
import { Lane } from './lane.ts'

export interface DeliveryPolicy {
  /** Whether ordering keys count. */
  ordered: boolean
  retentionMs: number
  /** Wait before the next attempt, in ms, after `failures` in a row; 0 is at once. */
  backoffMs(failures: number): number
  /** Offers a message that failed to a dead-letter topic; true when it was taken there. */
  deadLetter(delivery: Delivery): boolean
}

/**
 * The messages of one subscription and who has them. At least once: a message leaves when it is acknowledged,
 * dead-lettered or outlives its retention, and in no other way.
 */
export class DeliveryQueue {
  policy: DeliveryPolicy
  readonly #time: TimeSource
  readonly #ackIdPrefix: string
  readonly #wheel: DeadlineWheel<Delivery>
  readonly #ready = new Deque<Delivery | Lane>()
  readonly #lanes = new Map<string, Lane>()
  readonly #byAckId = new Map<string, Delivery>()
  readonly #consumers: Consumer[] = []
  #turn = 0
  #ackIds = 0
  #dispatchPlanned = false
  #closed = false

  /** Ack ids of this queue, and of no other, begin with `ackIdPrefix`. */
  constructor(time: TimeSource, ackIdPrefix: string, policy: DeliveryPolicy) {
    this.#time = time
    this.#ackIdPrefix = ackIdPrefix
    this.policy = policy
    this.#wheel = new DeadlineWheel(time, (delivery) => this.#due(delivery))
  }

  enqueue(message: StoredMessage): void {
    const key = this.policy.ordered ? message.wire.orderingKey : ''
    if (key === '') {
      this.#ready.push(new Delivery(message, undefined))
    } else {
      let lane = this.#lanes.get(key)
      if (!lane) this.#lanes.set(key, (lane = new Lane(key)))
      lane.push(new Delivery(message, lane))
      this.#offer(lane)
    }
    this.wake()
  }

  addConsumer(consumer: Consumer): void {
    this.#consumers.push(consumer)
    this.wake()
  }

  /** What the consumer has stays leased until acknowledged or due: the service cannot know whether it died. */
  removeConsumer(consumer: Consumer): void {
    const index = this.#consumers.indexOf(consumer)
    if (index >= 0) this.#consumers.splice(index, 1)
  }

  /** Gives out what is ready at the end of this turn of the event loop, so that one response carries many messages. */
  wake(): void {
    if (this.#dispatchPlanned || this.#closed || this.#consumers.length === 0) return
    this.#dispatchPlanned = true
    setImmediate(() => {
      this.#dispatchPlanned = false
      if (!this.#closed) this.#dispatch()
    })
  }

  /** Serves one consumer now; returns how many messages it took. */
  serve(consumer: Consumer, limit = Number.POSITIVE_INFINITY): number {
    let given = 0
    while (given < limit && consumer.hasRoom()) {
      const first = this.#ready.shift()
      if (!first) break
      if (first instanceof Lane) {
        given += this.#serveLane(first, consumer)
      } else if (first.state === 'ready' && !this.#outlived(first)) {
        this.#lease(first, consumer)
        given++
      }
    }
    if (given > 0) consumer.flush()
    return given
  }

  /** Whether the id is one that this subscription may have given. */
  isAckId(ackId: string): boolean {
    return ackId.startsWith(this.#ackIdPrefix)
  }

  /** False when there was nothing to acknowledge: done before, or redelivered since under another id. */
  acknowledge(ackId: string): boolean {
    const delivery = this.#byAckId.get(ackId)
    if (!delivery) return false
    this.#byAckId.delete(ackId)
    this.#wheel.remove(delivery)
    const wasLeased = delivery.state === 'leased'
    delivery.state = 'acked'
    if (wasLeased) this.#release(delivery)
    if (delivery.lane) {
      delivery.lane.done()
      this.#settle(delivery.lane)
    }
    return true
  }

  /** Moves the deadline of a leased message to `seconds` from now; 0 gives it back. False when it is not leased. */
  modifyDeadline(ackId: string, seconds: number): boolean {
    const delivery = this.#byAckId.get(ackId)
    if (delivery?.state !== 'leased') return false
    if (seconds === 0) this.#fail(delivery)
    else this.#wheel.set(delivery, this.#time.now() + seconds * 1000)
    return true
  }

  close(): void {
    this.#closed = true
    this.#wheel.stop()
    for (const consumer of this.#consumers.splice(0)) consumer.subscriptionDeleted()
  }

  #dispatch(): void {
    let idle = 0
    while (idle < this.#consumers.length) {
      const consumer = this.#consumers[this.#turn++ % this.#consumers.length]
      if (!consumer) return
      // An even share of what is there, so that consumers share the load also when there is little of it.
      const share = Math.max(1, Math.ceil(this.#ready.length / this.#consumers.length))
      idle = this.serve(consumer, share) > 0 ? 0 : idle + 1
    }
  }

  #serveLane(lane: Lane, consumer: Consumer): number {
    lane.queued = false
    if (!lane.deliverable) return 0
    let given = 0
    while (consumer.hasRoom() && (given === 0 || consumer.takesKeysInBatches)) {
      const delivery = lane.takeNext()
      if (!delivery) break
      if (this.#outlived(delivery)) {
        delivery.state = 'acked'
        lane.done()
      } else {
        this.#lease(delivery, consumer)
        given++
      }
    }
    this.#settle(lane)
    return given
  }

  #lease(delivery: Delivery, consumer: Consumer): void {
    if (delivery.ackId) this.#byAckId.delete(delivery.ackId)
    delivery.ackId = this.#ackIdPrefix + (this.#ackIds++).toString(36)
    this.#byAckId.set(delivery.ackId, delivery)
    delivery.state = 'leased'
    delivery.consumer = consumer
    this.#wheel.set(delivery, this.#time.now() + consumer.leaseMs)
    consumer.deliver(delivery)
  }

  #release(delivery: Delivery): void {
    const consumer = delivery.consumer
    delivery.consumer = undefined
    if (!consumer) return
    consumer.released(delivery)
    if (this.#ready.length > 0) this.wake()
  }

  /** A lease ran out, or a wait before the next attempt is over. */
  #due(delivery: Delivery): void {
    if (delivery.state === 'leased') this.#fail(delivery)
    else if (delivery.state === 'waiting') this.#retry(delivery)
  }

  #fail(delivery: Delivery): void {
    delivery.failures++
    this.#wheel.remove(delivery)
    const lane = delivery.lane
    if (lane) {
      for (const again of lane.rewind(delivery)) this.#takeBack(again)
    } else {
      // The id stays good until the next attempt: an acknowledgement that comes a little late still counts.
      delivery.state = 'ready'
      this.#release(delivery)
    }
    if (this.policy.deadLetter(delivery)) {
      this.#byAckId.delete(delivery.ackId)
      delivery.state = 'acked'
      if (lane) {
        lane.dropNext()
        this.#settle(lane)
      }
      return
    }
    const backoffMs = this.policy.backoffMs(delivery.failures)
    if (backoffMs > 0) {
      delivery.state = 'waiting'
      if (lane) lane.blocked = true
      this.#wheel.set(delivery, this.#time.now() + backoffMs)
    } else {
      this.#retry(delivery)
    }
  }

  #takeBack(delivery: Delivery): void {
    this.#wheel.remove(delivery)
    this.#byAckId.delete(delivery.ackId)
    delivery.ackId = ''
    const wasLeased = delivery.state === 'leased'
    delivery.state = 'ready'
    if (wasLeased) this.#release(delivery)
  }

  #retry(delivery: Delivery): void {
    delivery.state = 'ready'
    if (delivery.lane) {
      delivery.lane.blocked = false
      this.#settle(delivery.lane)
    } else {
      this.#ready.push(delivery)
      this.wake()
    }
  }

  #settle(lane: Lane): void {
    if (lane.empty) this.#lanes.delete(lane.key)
    else this.#offer(lane)
    this.wake()
  }

  #offer(lane: Lane): void {
    if (lane.queued || !lane.deliverable) return
    lane.queued = true
    this.#ready.push(lane)
  }

  #outlived(delivery: Delivery): boolean {
    if (delivery.message.publishedMs + this.policy.retentionMs > this.#time.now()) return false
    this.#byAckId.delete(delivery.ackId)
    return true
  }
}
