import type { TimeSource } from '../clock/time-source.ts'
import { DeadlineWheel } from './deadline-wheel.ts'
import { Delivery, type Consumer, type StoredMessage } from './delivery.ts'
import { Deque } from './deque.ts'
import { Lane } from './lane.ts'

export interface DeliveryPolicy {
  /** Whether ordering keys count. */
  ordered: boolean
  /** Whether an ack id is good until its deadline only, and never after. */
  exactlyOnce: boolean
  retentionMs: number
  /** Wait before the next attempt, in ms, after `failures` in a row; 0 is at once. */
  backoffMs(failures: number): number
  /** Offers a message that failed to a dead-letter topic; true when it was taken there. */
  deadLetter(delivery: Delivery): boolean
  /** The message left the queue: acknowledged, or taken as a dead letter. */
  done(message: StoredMessage): void
  /** Settles when all that was published so far is kept; undefined when it is. */
  durable(): Promise<void> | undefined
}

/**
 * A new message waits so long, so that its publisher has its id first, as in production: programs look out for messages
 * by the ids they were given.
 */
const ANSWER_AHEAD_MS = 5

/** So long a message of a key that was given back waits for the client that did so. */
const RESERVED_MS = 10_000

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
  /** By client: the keys whose next messages only that client may be sent, because it has earlier ones. */
  readonly #held = new Map<unknown, Deque<Lane>>()
  #turn = 0
  #ackIds = 0
  #dispatchPlanned = false
  #newcomersPlanned = false
  #closed = false

  /** Ack ids of this queue, and of no other, begin with `ackIdPrefix`. */
  constructor(time: TimeSource, ackIdPrefix: string, policy: DeliveryPolicy) {
    this.#time = time
    this.#ackIdPrefix = ackIdPrefix
    this.policy = policy
    this.#wheel = new DeadlineWheel(time, (delivery) => this.#due(delivery))
  }

  get hasConsumers(): boolean {
    return this.#consumers.length > 0
  }

  enqueue(message: StoredMessage): void {
    this.#dropOutlived()
    const key = this.policy.ordered ? message.wire.orderingKey : ''
    if (key === '') {
      this.#ready.push(new Delivery(message, undefined))
    } else {
      let lane = this.#lanes.get(key)
      if (!lane) this.#lanes.set(key, (lane = new Lane(key)))
      lane.push(new Delivery(message, lane))
      this.#offer(lane)
    }
    this.#wakeForNewcomers()
  }

  /** The messages still to be acknowledged, in the order of publication. */
  unacknowledged(): StoredMessage[] {
    const messages: StoredMessage[] = []
    for (const item of this.#ready)
      if (item instanceof Delivery && item.state === 'ready' && !this.#outlived(item)) messages.push(item.message)
    for (const item of this.#wheel.items()) if (!item.lane && !this.#outlived(item)) messages.push(item.message)
    for (const lane of this.#lanes.values())
      for (const item of lane.unacknowledged()) if (!this.#outlived(item)) messages.push(item.message)
    return messages.sort((a, b) => a.sequence - b.sequence)
  }

  /** From now on these messages are to be acknowledged and no others; what was given out before counts no more. */
  replace(messages: Iterable<StoredMessage>): void {
    const leased = [...this.#wheel.items()].filter(({ state }) => state === 'leased')
    this.#wheel.clear()
    this.#byAckId.clear()
    this.#ready.clear()
    this.#lanes.clear()
    for (const lanes of this.#held.values()) lanes.clear()
    for (const delivery of leased) {
      delivery.state = 'acked'
      this.#release(delivery)
    }
    for (const message of messages) this.enqueue(message)
  }

  addConsumer(consumer: Consumer): void {
    this.#consumers.push(consumer)
    const { clientId } = consumer
    if (consumer.takesKeysInBatches && !this.#held.has(clientId)) {
      this.#held.set(clientId, new Deque())
      // A client that is back goes on with the keys it has messages of.
      if (clientId !== consumer)
        for (const lane of this.#lanes.values()) if (lane.client === clientId) this.#offer(lane)
    }
    this.wake()
  }

  /** What the consumer has stays leased until acknowledged or due: the service cannot know whether it died. */
  removeConsumer(consumer: Consumer): void {
    const index = this.#consumers.indexOf(consumer)
    if (index < 0) return
    this.#consumers.splice(index, 1)
    const held = this.#held.get(consumer.clientId)
    if (!held || this.#consumers.some(({ clientId }) => clientId === consumer.clientId)) return
    this.#held.delete(consumer.clientId)
    for (const lane of held) {
      if (lane.queue !== held) continue
      lane.queue = undefined
      this.#offer(lane)
    }
    this.wake()
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

  /** Serves one consumer now, up to `limit` beside what is held for it; returns how many messages it took. */
  serve(consumer: Consumer, limit = Number.POSITIVE_INFINITY): number {
    let given = 0
    const held = this.#held.get(consumer.clientId)
    while (held && held.length > 0 && consumer.hasRoom()) {
      const lane = held.shift()
      if (lane?.queue === held) given += this.#serveLane(lane, consumer)
    }
    let shared = 0
    while (shared < limit && consumer.hasRoom()) {
      const first = this.#ready.shift()
      if (!first) break
      if (first instanceof Lane) {
        if (first.queue === this.#ready) shared += this.#serveLane(first, consumer)
      } else if (first.state === 'ready' && !this.#outlived(first)) {
        this.#lease(first, consumer)
        shared++
      }
    }
    given += shared
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
    this.policy.done(delivery.message)
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
    if (seconds === 0) this.#fail(delivery, 'given back')
    else this.#wheel.set(delivery, this.#time.now() + seconds * 1000)
    return true
  }

  changed(): void {
    for (const consumer of [...this.#consumers]) consumer.subscriptionChanged()
  }

  /** Sends all consumers away, for the reason given. */
  dismiss(reason: Error): void {
    for (const consumer of [...this.#consumers]) {
      this.removeConsumer(consumer)
      consumer.subscriptionEnded(reason)
    }
  }

  close(reason: Error): void {
    this.#closed = true
    this.#wheel.stop()
    this.dismiss(reason)
  }

  #wakeForNewcomers(): void {
    if (this.#newcomersPlanned || this.#closed || this.#consumers.length === 0) return
    this.#newcomersPlanned = true
    const wait = () =>
      setTimeout(() => {
        this.#newcomersPlanned = false
        this.wake()
      }, ANSWER_AHEAD_MS)
    const kept = this.policy.durable()
    if (kept) kept.then(wait, wait)
    else wait()
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
    lane.queue = undefined
    let given = 0
    while (lane.deliverable && consumer.hasRoom() && (given === 0 || consumer.takesKeysInBatches)) {
      const delivery = lane.takeNext(consumer.clientId)
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
    if (this.#ready.length > 0 || this.#held.get(consumer.clientId)?.length) this.wake()
  }

  /** A lease ran out, a wait before the next attempt is over, or the client that gave the message back takes nothing. */
  #due(delivery: Delivery): void {
    if (delivery.state === 'leased') this.#fail(delivery, 'expired')
    else if (delivery.state === 'waiting') this.#retry(delivery)
    else if (delivery.lane) {
      delivery.lane.release()
      this.#settle(delivery.lane)
    }
  }

  #fail(delivery: Delivery, how: 'given back' | 'expired'): void {
    delivery.failures++
    const lane = delivery.lane
    if (lane) {
      for (const again of lane.rewind(delivery)) this.#takeBack(again)
      if (lane.waiting) this.#takeBack(lane.waiting)
      lane.waiting = undefined
      // Who let the deadline pass may be dead.
      if (how === 'expired') lane.release()
    } else {
      this.#wheel.remove(delivery)
      // The id stays good until the next attempt: an acknowledgement that comes a little late still counts.
      if (this.policy.exactlyOnce) this.#byAckId.delete(delivery.ackId)
      delivery.state = 'ready'
      this.#release(delivery)
    }
    if (this.policy.deadLetter(delivery)) {
      this.#byAckId.delete(delivery.ackId)
      delivery.state = 'acked'
      this.policy.done(delivery.message)
      if (lane) {
        lane.dropNext()
        this.#settle(lane)
      }
      return
    }
    const backoffMs = this.policy.backoffMs(delivery.failures)
    if (backoffMs > 0) {
      delivery.state = 'waiting'
      if (lane) lane.waiting = delivery
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
      delivery.lane.waiting = undefined
      if (delivery.lane.client !== undefined) this.#wheel.set(delivery, this.#time.now() + RESERVED_MS)
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

  /** Puts the key where those who may be sent its next message find it. */
  #offer(lane: Lane): void {
    if (!lane.deliverable) return
    const queue = this.#held.get(lane.client) ?? (lane.idle ? this.#ready : undefined)
    if (!queue || lane.queue === queue) return
    lane.queue = queue
    queue.push(lane)
  }

  /** Old messages that nobody asks for go as new ones come, so that they do not pile up for ever. */
  #dropOutlived(): void {
    for (let head = this.#ready.peek(); head instanceof Delivery; head = this.#ready.peek()) {
      if (head.state === 'ready' && !this.#outlived(head)) return
      this.#ready.shift()
    }
  }

  #outlived(delivery: Delivery): boolean {
    if (delivery.message.publishedMs + this.policy.retentionMs > this.#time.now()) return false
    this.#byAckId.delete(delivery.ackId)
    return true
  }
}
