import type { ServerDuplexStream } from '@grpc/grpc-js'
import type { StatusError } from '../wire/status-error.ts'
import type { Broker } from './broker.ts'
import type { Consumer, Delivery } from './delivery.ts'
import { invalidAckDeadline, invalidAckId, invalidArgument, notFound } from './errors.ts'
import { ACK_DEADLINE_SECONDS_MAX, ACK_DEADLINE_SECONDS_MIN } from './limits.ts'
import { toNumber, type Int64 } from './messages.ts'
import { checkPullable } from './pull.ts'
import type { Subscription } from './subscription.ts'
import { asStatus } from './unary.ts'

export interface StreamingPullRequest {
  subscription: string
  ackIds: string[]
  modifyDeadlineSeconds: number[]
  modifyDeadlineAckIds: string[]
  streamAckDeadlineSeconds: number
  maxOutstandingMessages: Int64
  maxOutstandingBytes: Int64
}

export type StreamingPullCall = ServerDuplexStream<StreamingPullRequest, object>

// A response is sent when it holds this much, and in any case at the end of a round.
const RESPONSE_BYTES = 1_000_000
const RESPONSE_MESSAGES = 1000

const limitOf = (value: Int64): number => {
  const limit = toNumber(value)
  return limit > 0 ? limit : Number.POSITIVE_INFINITY
}

const leaseMsOf = (seconds: number): number => {
  if (seconds < ACK_DEADLINE_SECONDS_MIN || seconds > ACK_DEADLINE_SECONDS_MAX) {
    throw invalidAckDeadline(seconds, ACK_DEADLINE_SECONDS_MIN, ACK_DEADLINE_SECONDS_MAX)
  }
  return seconds * 1000
}

/** Ends the call with a status: grpc-js takes it from the event, while `destroy` would send none. */
const fail = (call: StreamingPullCall, status: StatusError): void => {
  call.emit('error', status)
}

/** One StreamingPull stream, from its first request to its end. */
class StreamConsumer implements Consumer {
  readonly takesKeysInBatches = true
  leaseMs: number
  readonly #call: StreamingPullCall
  readonly #subscription: Subscription
  readonly #maxMessages: number
  readonly #maxBytes: number
  #messages = 0
  #bytes = 0
  #writable = true
  #batch: object[] = []
  #batchBytes = 0

  constructor(call: StreamingPullCall, subscription: Subscription, first: StreamingPullRequest, messagesMax: number) {
    this.#call = call
    this.#subscription = subscription
    this.leaseMs = leaseMsOf(first.streamAckDeadlineSeconds)
    this.#maxMessages = Math.min(limitOf(first.maxOutstandingMessages), messagesMax)
    this.#maxBytes = limitOf(first.maxOutstandingBytes)
    call.on('drain', () => {
      this.#writable = true
      subscription.queue.wake()
    })
  }

  hasRoom(): boolean {
    return this.#writable && this.#messages < this.#maxMessages && this.#bytes < this.#maxBytes
  }

  deliver(delivery: Delivery): void {
    const { message, ackId } = delivery
    this.#messages++
    this.#bytes += message.bytes
    this.#batchBytes += message.bytes
    this.#batch.push({ ackId, message: message.wire, deliveryAttempt: this.#subscription.deliveryAttempt(delivery) })
    if (this.#batchBytes >= RESPONSE_BYTES || this.#batch.length >= RESPONSE_MESSAGES) this.flush()
  }

  flush(): void {
    if (this.#batch.length === 0) return
    this.#writable = this.#call.write({ receivedMessages: this.#batch })
    this.#batch = []
    this.#batchBytes = 0
  }

  released({ message }: Delivery): void {
    this.#messages--
    this.#bytes -= message.bytes
  }

  subscriptionDeleted(): void {
    fail(this.#call, notFound(this.#subscription.name))
  }

  /** Tells the client that the stream is alive, and what kind of subscription it reads. */
  sendProperties(): void {
    const { enableExactlyOnceDelivery, enableMessageOrdering } = this.#subscription.resource
    this.#call.write({
      subscriptionProperties: {
        exactlyOnceDeliveryEnabled: enableExactlyOnceDelivery,
        messageOrderingEnabled: enableMessageOrdering,
      },
    })
  }

  /** Acknowledgements and deadlines, of messages of this stream or of any other. */
  apply(request: StreamingPullRequest): void {
    const { queue } = this.#subscription
    const { ackIds, modifyDeadlineAckIds, modifyDeadlineSeconds } = request
    if (modifyDeadlineAckIds.length !== modifyDeadlineSeconds.length) {
      throw invalidArgument('modify_deadline_ack_ids and modify_deadline_seconds must have the same length.')
    }
    for (const ackId of [...ackIds, ...modifyDeadlineAckIds]) if (!queue.isAckId(ackId)) throw invalidAckId(ackId)
    for (const ackId of ackIds) queue.acknowledge(ackId)
    modifyDeadlineAckIds.forEach((ackId, index) => {
      const seconds = modifyDeadlineSeconds[index] ?? 0
      if (seconds < 0 || seconds > ACK_DEADLINE_SECONDS_MAX) {
        throw invalidAckDeadline(seconds, 0, ACK_DEADLINE_SECONDS_MAX)
      }
      queue.modifyDeadline(ackId, seconds)
    })
  }
}

const isKeepAlive = (request: StreamingPullRequest): boolean =>
  request.ackIds.length === 0 && request.modifyDeadlineAckIds.length === 0 && request.streamAckDeadlineSeconds === 0

/** Handles one StreamingPull call, which is given at most `messagesMax` messages at a time. */
export const streamingPull = (broker: Broker, call: StreamingPullCall, messagesMax: number): void => {
  let subscription: Subscription | undefined
  let consumer: StreamConsumer | undefined

  const begin = (request: StreamingPullRequest): void => {
    if (!request.subscription) throw invalidArgument('The first request of a stream must name the subscription.')
    subscription = broker.subscription(request.subscription)
    checkPullable(subscription)
    consumer = new StreamConsumer(call, subscription, request, messagesMax)
    consumer.apply(request)
    consumer.sendProperties()
    subscription.queue.addConsumer(consumer)
  }
  const proceed = (open: StreamConsumer, request: StreamingPullRequest): void => {
    if (toNumber(request.maxOutstandingMessages) !== 0 || toNumber(request.maxOutstandingBytes) !== 0) {
      throw invalidArgument('Flow control can only be set in the first request of a stream.')
    }
    if (request.streamAckDeadlineSeconds !== 0) open.leaseMs = leaseMsOf(request.streamAckDeadlineSeconds)
    open.apply(request)
    if (isKeepAlive(request)) open.sendProperties()
  }
  const leave = (): void => {
    if (subscription && consumer) subscription.queue.removeConsumer(consumer)
  }

  call.on('data', (request: StreamingPullRequest) => {
    try {
      if (consumer) proceed(consumer, request)
      else begin(request)
    } catch (error) {
      leave()
      fail(call, asStatus(error))
    }
  })
  call.on('end', () => {
    leave()
    call.end()
  })
  call.on('cancelled', leave)
  call.on('close', leave)
  call.on('error', leave)
}
