import type { sendUnaryData } from '@grpc/grpc-js'
import type { TimeSource } from '../clock/time-source.ts'
import { Code, StatusError } from '../wire/status-error.ts'
import type { Broker } from './broker.ts'
import type { Consumer, Delivery } from './delivery.ts'
import { invalidArgument } from './errors.ts'
import { PULL_MESSAGES_MAX, PULL_WAIT_MS } from './limits.ts'
import type { Subscription } from './subscription.ts'
import { asStatus, type UnaryCall } from '../wire/unary.ts'

export interface PullRequest {
  subscription: string
  returnImmediately: boolean
  maxMessages: number
}

/** Throws FAILED_PRECONDITION for a subscription that pushes, or is detached. */
export const checkPullable = (subscription: Subscription): void => {
  subscription.checkAttached()
  const { bigqueryConfig, cloudStorageConfig, bigtableConfig } = subscription.resource
  if (subscription.isPush || bigqueryConfig || cloudStorageConfig || bigtableConfig) {
    throw new StatusError(Code.FAILED_PRECONDITION, 'This method is not supported for this subscription type.')
  }
}

/** One Pull call: takes messages once, then has no room. */
class PullConsumer implements Consumer {
  readonly takesKeysInBatches = true
  readonly clientId = this
  readonly #subscription: Subscription
  readonly #maxMessages: number
  readonly #callback: sendUnaryData<object>
  readonly #received: object[] = []
  #answered = false

  constructor(subscription: Subscription, maxMessages: number, callback: sendUnaryData<object>) {
    this.#subscription = subscription
    this.#maxMessages = Math.min(maxMessages, PULL_MESSAGES_MAX)
    this.#callback = callback
  }

  get leaseMs(): number {
    return this.#subscription.resource.ackDeadlineSeconds * 1000
  }

  hasRoom(): boolean {
    return !this.#answered && this.#received.length < this.#maxMessages
  }

  deliver(delivery: Delivery): void {
    this.#received.push({
      ackId: delivery.ackId,
      message: delivery.message.wire,
      deliveryAttempt: this.#subscription.deliveryAttempt(delivery),
    })
  }

  /** Answers with what there is. */
  flush(): void {
    this.answer(null)
  }

  released(): void {}

  subscriptionChanged(): void {}

  subscriptionEnded(reason: Error): void {
    this.answer(asStatus(reason))
  }

  answer(error: StatusError | null): void {
    if (this.#answered) return
    this.#answered = true
    this.#subscription.queue.removeConsumer(this)
    if (error) this.#callback(error)
    else this.#callback(null, { receivedMessages: this.#received })
  }
}

/** Handles one Pull call: answers at once when there is something, else when there is, or empty after a while. */
export const pull = (
  broker: Broker,
  time: TimeSource,
  call: UnaryCall<PullRequest>,
  callback: sendUnaryData<object>,
): void => {
  const { returnImmediately, maxMessages } = call.request
  const subscription = broker.subscription(call.request.subscription)
  checkPullable(subscription)
  if (maxMessages <= 0) {
    throw invalidArgument('You have passed an invalid argument to the service (argument=max_messages).')
  }
  subscription.touch()
  const consumer = new PullConsumer(subscription, maxMessages, callback)
  if (subscription.queue.serve(consumer) > 0) return
  if (returnImmediately) {
    consumer.answer(null)
    return
  }
  const cancelWait = time.after(PULL_WAIT_MS, () => consumer.answer(null))
  call.on('cancelled', () => {
    cancelWait()
    subscription.queue.removeConsumer(consumer)
  })
  subscription.queue.addConsumer(consumer)
}
