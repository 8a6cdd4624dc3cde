import type { Due } from './deadline-wheel.ts'
import type { Lane } from './lane.ts'
import type { PubsubMessage } from './messages.ts'

/** A message as the engine keeps it. Shared by all subscriptions it was delivered to. */
export interface StoredMessage {
  readonly wire: PubsubMessage
  readonly bytes: number
  readonly publishedMs: number
  /** Its place in the order in which the engine took messages, over all topics. */
  readonly sequence: number
}

/** Who takes messages: a streaming pull, a pull, a push endpoint. */
export interface Consumer {
  /** Whether several messages of one ordering key may be out with it at once. */
  readonly takesKeysInBatches: boolean
  /**
   * Whose the messages of an ordering key are while some of them are out: a client that comes back under the same id
   * goes on where it was. A consumer without an id stands for itself.
   */
  readonly clientId: unknown
  readonly leaseMs: number
  hasRoom(): boolean
  /** Takes one message, leased to this consumer; `flush` follows when the round is over. */
  deliver(delivery: Delivery): void
  flush(): void
  /** The lease ended: acknowledged, given back or expired. */
  released(delivery: Delivery): void
  /** The subscription's settings are others now. */
  subscriptionChanged(): void
  /** There will be no more messages, for the reason given. */
  subscriptionEnded(reason: Error): void
}

/**
 * One message on its way through one subscription. `ready`: to be delivered. `leased`: with a consumer, until its
 * deadline. `waiting`: backing off before the next attempt. `acked`: done.
 */
export class Delivery implements Due<Delivery> {
  readonly message: StoredMessage
  readonly lane: Lane | undefined
  state: 'ready' | 'leased' | 'waiting' | 'acked' = 'ready'
  ackId = ''
  /** How often it was given back or ran out of its deadline. */
  failures = 0
  consumer: Consumer | undefined = undefined
  bucket = -1
  previous: Delivery | undefined = undefined
  next: Delivery | undefined = undefined

  constructor(message: StoredMessage, lane: Lane | undefined) {
    this.message = message
    this.lane = lane
  }
}
