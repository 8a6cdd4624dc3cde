import type { ServerDuplexStream } from '@grpc/grpc-js'
import type { TimeSource } from '../clock/time-source.ts'
import { UnreadableRequest } from '../wire/readable.ts'
import { Code, StatusError } from '../wire/status-error.ts'
import { acknowledge, checkDeadline, modifyDeadlines, type AckOutcome } from './acknowledgement.ts'
import type { Broker } from './broker.ts'
import type { Consumer, Delivery } from './delivery.ts'
import { invalidAckDeadline, invalidArgument } from './errors.ts'
import { ACK_DEADLINE_SECONDS_MAX, ACK_DEADLINE_SECONDS_MIN } from './limits.ts'
import { toNumber, type Int64 } from './messages.ts'
import { checkPullable } from './pull.ts'
import type { Subscription } from './subscription.ts'
import { asStatus } from '../wire/unary.ts'

export interface StreamingPullRequest {
  subscription: string
  ackIds: string[]
  modifyDeadlineSeconds: number[]
  modifyDeadlineAckIds: string[]
  streamAckDeadlineSeconds: number
  clientId: string
  maxOutstandingMessages: Int64
  maxOutstandingBytes: Int64
  protocolVersion: Int64
}

export type StreamingPullCall = ServerDuplexStream<StreamingPullRequest, object>

export interface StreamingPullOptions {
  time: TimeSource
  /** A stream is given at most so many messages at a time, whatever it asks for. */
  outstandingPerStreamMax: number
  /** The service ends a stream after so long, as production does now and then. */
  streamLifetimeMs: number
  /** Resolves when all that was acknowledged so far is kept; undefined when it is. */
  durable(): Promise<void> | undefined
}

// A response is sent when it holds this much, and in any case at the end of a round. Clients read whole responses, from
// several streams by turns: were one enough to fill them, the others would never be read before their leases end.
const RESPONSE_BYTES = 1_000_000
const RESPONSE_MESSAGES = 100

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
const fail = (call: StreamingPullCall, error: unknown): void => {
  call.emit('error', asStatus(error))
}

/** One StreamingPull stream, from its first request to its end. */
class StreamConsumer implements Consumer {
  readonly takesKeysInBatches = true
  readonly clientId: unknown
  leaseMs: number
  readonly #call: StreamingPullCall
  readonly #subscription: Subscription
  readonly #options: StreamingPullOptions
  readonly #maxMessages: number
  readonly #maxBytes: number
  #messages = 0
  #bytes = 0
  #writable = true
  #ended = false
  #batch: object[] = []
  #batchBytes = 0

  constructor(
    call: StreamingPullCall,
    subscription: Subscription,
    first: StreamingPullRequest,
    options: StreamingPullOptions,
  ) {
    this.#call = call
    this.#subscription = subscription
    this.#options = options
    // Not the client's id: Google's clients open several streams, and what goes by two of them may overtake itself.
    this.clientId = this
    this.leaseMs = leaseMsOf(first.streamAckDeadlineSeconds)
    this.#maxMessages = Math.min(limitOf(first.maxOutstandingMessages), options.outstandingPerStreamMax)
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
    this.#writable = this.#send({ receivedMessages: this.#batch })
    this.#batch = []
    this.#batchBytes = 0
  }

  released({ message }: Delivery): void {
    this.#messages--
    this.#bytes -= message.bytes
  }

  subscriptionChanged(): void {
    this.sendProperties()
  }

  subscriptionEnded(reason: Error): void {
    this.#ended = true
    fail(this.#call, reason)
  }

  /** No response goes out any more. */
  end(): void {
    this.#ended = true
    this.#subscription.queue.removeConsumer(this)
    this.#subscription.touch()
  }

  /** Tells the client that the stream is alive, and what kind of subscription it reads. */
  sendProperties(): void {
    this.#send({})
  }

  /** Acknowledgements and deadlines, of messages of this stream or of any other. */
  apply(request: StreamingPullRequest): void {
    const { ackIds, modifyDeadlineAckIds, modifyDeadlineSeconds } = request
    if (modifyDeadlineAckIds.length !== modifyDeadlineSeconds.length) {
      throw invalidArgument('modify_deadline_ack_ids and modify_deadline_seconds must have the same length.')
    }
    modifyDeadlineSeconds.forEach(checkDeadline)
    if (ackIds.length > 0) {
      const outcome = acknowledge(this.#subscription, ackIds)
      this.#confirm('acknowledgeConfirmation', outcome)
    }
    if (modifyDeadlineAckIds.length > 0) {
      const outcome: AckOutcome = { done: [], invalid: [] }
      modifyDeadlineAckIds.forEach((ackId, index) => {
        const { done, invalid } = modifyDeadlines(this.#subscription, [ackId], modifyDeadlineSeconds[index] ?? 0)
        outcome.done.push(...done)
        outcome.invalid.push(...invalid)
      })
      this.#confirm('modifyAckDeadlineConfirmation', outcome)
    }
  }

  #confirm(kind: 'acknowledgeConfirmation' | 'modifyAckDeadlineConfirmation', { done, invalid }: AckOutcome): void {
    if (!this.#subscription.exactlyOnce) return
    const send = () => this.#send({ [kind]: { ackIds: done, invalidAckIds: invalid } })
    const kept = this.#options.durable()
    if (kept) kept.then(send, (error: unknown) => this.subscriptionEnded(asStatus(error)))
    else send()
  }

  /** Every response tells what kind of subscription it is: clients take what is left out for a no. */
  #send(response: object): boolean {
    if (this.#ended) return false
    const { enableExactlyOnceDelivery, enableMessageOrdering } = this.#subscription.resource
    return this.#call.write({
      ...response,
      subscriptionProperties: {
        exactlyOnceDeliveryEnabled: enableExactlyOnceDelivery,
        messageOrderingEnabled: enableMessageOrdering,
      },
    })
  }
}

const isKeepAlive = (request: StreamingPullRequest): boolean =>
  request.ackIds.length === 0 && request.modifyDeadlineAckIds.length === 0 && request.streamAckDeadlineSeconds === 0

/** Throws INVALID_ARGUMENT for what only the first request of a stream may say. */
const checkLater = (request: StreamingPullRequest): void => {
  if (request.subscription) throw invalidArgument('The subscription can only be set in the first request of a stream.')
  if (toNumber(request.maxOutstandingMessages) !== 0 || toNumber(request.maxOutstandingBytes) !== 0) {
    throw invalidArgument('Flow control can only be set in the first request of a stream.')
  }
  if (toNumber(request.protocolVersion) !== 0) {
    throw invalidArgument('The protocol version can only be set in the first request of a stream.')
  }
}

/** Handles one StreamingPull call. */
export const streamingPull = (broker: Broker, call: StreamingPullCall, options: StreamingPullOptions): void => {
  let consumer: StreamConsumer | undefined
  let cancelLifetime = (): void => {}

  const leave = (): void => {
    cancelLifetime()
    consumer?.end()
  }
  const refuse = (error: unknown): void => {
    leave()
    fail(call, error)
  }
  const begin = (request: StreamingPullRequest): void => {
    if (!request.subscription) throw invalidArgument('The first request of a stream must name the subscription.')
    const subscription = broker.subscription(request.subscription)
    checkPullable(subscription)
    consumer = new StreamConsumer(call, subscription, request, options)
    consumer.apply(request)
    consumer.sendProperties()
    subscription.touch()
    subscription.queue.addConsumer(consumer)
    if (!Number.isFinite(options.streamLifetimeMs)) return
    cancelLifetime = options.time.after(options.streamLifetimeMs, () =>
      refuse(
        new StatusError(
          Code.UNAVAILABLE,
          'The service was unable to fulfill your request. Please try again. [code=8a75]',
        ),
      ),
    )
  }
  const proceed = (open: StreamConsumer, request: StreamingPullRequest): void => {
    checkLater(request)
    if (request.streamAckDeadlineSeconds !== 0) open.leaseMs = leaseMsOf(request.streamAckDeadlineSeconds)
    open.apply(request)
    if (isKeepAlive(request)) open.sendProperties()
  }

  call.on('data', (request: StreamingPullRequest | UnreadableRequest) => {
    try {
      if (request instanceof UnreadableRequest) throw request.error
      if (consumer) proceed(consumer, request)
      else begin(request)
    } catch (error) {
      refuse(error)
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
