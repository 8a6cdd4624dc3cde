import type { ArchivedEvent } from '@infinity-matrix/archive'
import pRetry, { AbortError } from 'p-retry'
import pThrottle from 'p-throttle'
import type { Target } from './replay.ts'

/** An endpoint does not take events; the message says what it answered. */
export class WebhookError extends Error {
  readonly code = 'webhook-refused'
}

export interface WebhookOptions {
  ratePerSecond: number
  /** How often a request is repeated, with back-off, before the replay stops. */
  retries: number
  signal: AbortSignal
}

const answerSecondsMax = 30

/**
 * Posts each event as a CloudEvent in structured JSON. An answer of 2xx takes it; 4xx other than 408 and 429 stop the
 * replay at once, anything else is tried again. Agents are served side by side, the events of one after another.
 */
export const webhookTarget = (url: string, { ratePerSecond, retries, signal }: WebhookOptions): Target => {
  const post = async ({ raw }: ArchivedEvent): Promise<void> => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/cloudevents+json' },
      body: raw,
      signal: AbortSignal.any([signal, AbortSignal.timeout(answerSecondsMax * 1000)]),
    })
    await response.body?.cancel()
    if (response.ok) return
    const refusal = new WebhookError(`${url} answered ${response.status}`)
    const isFinal = response.status < 500 && response.status !== 408 && response.status !== 429
    throw isFinal ? new AbortError(refusal) : refusal
  }
  const throttled = pThrottle({ limit: ratePerSecond, interval: 1000 })(post)
  const postInOrder = async (events: readonly ArchivedEvent[]): Promise<void> => {
    for (const event of events) await pRetry(() => throttled(event), { retries, signal })
  }
  return async (events) => {
    await Promise.all([...Map.groupBy(events, ({ agentId }) => agentId).values()].map(postInOrder))
  }
}
