import type { Agent as HttpAgent } from 'node:http'
import https from 'node:https'
import type { TimeSource } from '../clock/time-source.ts'
import { http } from '../wire/node-http.ts'
import type { Consumer, Delivery } from './delivery.ts'
import type { PushConfig } from './messages.ts'
import { pushBody } from './push-body.ts'
import type { Subscription } from './subscription.ts'

// https://cloud.google.com/pubsub/docs/push: these codes acknowledge, any other and a timeout give the message back.
const ACK_CODES: ReadonlySet<number> = new Set([102, 200, 201, 202, 204])
const WINDOW_MAX = 1000
const PAUSE_MS_MIN = 100
const PAUSE_MS_MAX = 60_000

/**
 * Sends messages to the push endpoint. Slow start: one request at first, one more at a time for each that succeeds,
 * half after a failure. Without a retry policy the endpoint is also left alone after a failure, 100 ms at first and
 * twice as long each time, at most 60 s; with one, the policy tells when each message comes again.
 */
export class PushConsumer implements Consumer {
  readonly takesKeysInBatches = false
  readonly clientId = this
  readonly #time: TimeSource
  readonly #subscription: Subscription
  readonly #configured: string
  readonly #url: URL
  readonly #agent: HttpAgent | https.Agent
  readonly #aborted = new AbortController()
  #window = 1
  #outstanding = 0
  #pauseMs = PAUSE_MS_MIN
  #paused = false
  #cancelResume: (() => void) | undefined

  constructor(time: TimeSource, subscription: Subscription) {
    this.#time = time
    this.#subscription = subscription
    const { pushConfig } = subscription.resource
    this.#configured = JSON.stringify(pushConfig)
    this.#url = new URL(pushConfig?.pushEndpoint ?? '')
    const options = { keepAlive: true, maxSockets: WINDOW_MAX }
    this.#agent = this.#url.protocol === 'https:' ? new https.Agent(options) : new http.Agent(options)
  }

  get leaseMs(): number {
    return this.#subscription.resource.ackDeadlineSeconds * 1000
  }

  hasRoom(): boolean {
    return this.#outstanding < this.#window && !this.#paused
  }

  deliver(delivery: Delivery): void {
    this.#outstanding++
    const ackId = delivery.ackId
    this.#post(delivery).then(
      (acknowledged) => this.#answered(ackId, acknowledged),
      () => this.#answered(ackId, false),
    )
  }

  flush(): void {}

  released(): void {
    this.#outstanding--
  }

  subscriptionChanged(): void {}

  subscriptionEnded(): void {
    this.close()
  }

  /** Whether it sends as this configuration says. */
  isFor(config: PushConfig | null): boolean {
    return JSON.stringify(config) === this.#configured
  }

  close(): void {
    this.#cancelResume?.()
    this.#aborted.abort()
    this.#agent.destroy()
  }

  #answered(ackId: string, acknowledged: boolean): void {
    if (this.#aborted.signal.aborted) return
    const { queue, resource } = this.#subscription
    if (acknowledged) {
      this.#window = Math.min(WINDOW_MAX, this.#window + 1)
      this.#pauseMs = PAUSE_MS_MIN
      this.#subscription.touch()
      queue.acknowledge(ackId)
      queue.wake()
      return
    }
    this.#window = Math.max(1, Math.floor(this.#window / 2))
    if (!resource.retryPolicy && !this.#paused) {
      this.#paused = true
      this.#cancelResume = this.#time.after(this.#pauseMs, () => {
        this.#paused = false
        queue.wake()
      })
      this.#pauseMs = Math.min(PAUSE_MS_MAX, this.#pauseMs * 2)
    }
    queue.modifyDeadline(ackId, 0)
  }

  async #post(delivery: Delivery): Promise<boolean> {
    const { headers, body } = pushBody(this.#subscription, delivery)
    const authorization = await this.#authorization()
    const send = this.#url.protocol === 'https:' ? https.request : http.request
    return new Promise((resolve, reject) => {
      const request = send(
        this.#url,
        {
          method: 'POST',
          agent: this.#agent,
          signal: this.#aborted.signal,
          headers: {
            ...headers,
            ...authorization,
            'content-length': Buffer.byteLength(body),
            'user-agent': 'CloudPubSub-Google',
          },
        },
        (response) => {
          response.resume()
          resolve(ACK_CODES.has(response.statusCode ?? 0))
        },
      )
      const cancelTimeout = this.#time.after(this.leaseMs, () => request.destroy(new Error('the ack deadline passed')))
      request.on('information', ({ statusCode }) => statusCode === 102 && resolve(true))
      request.on('error', reject)
      request.on('close', cancelTimeout)
      request.end(body)
    })
  }

  /** Who the endpoint can be sure that the request comes from. */
  async #authorization(): Promise<Record<string, string>> {
    const { oidcToken, pushEndpoint } = this.#subscription.resource.pushConfig ?? {}
    if (!oidcToken?.serviceAccountEmail || !pushEndpoint) return {}
    const { serviceAccountEmail, audience } = oidcToken
    return {
      authorization: `Bearer ${await this.#subscription.idTokens.issue(serviceAccountEmail, audience || pushEndpoint)}`,
    }
  }
}
