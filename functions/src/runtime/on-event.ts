import { isUtf8 } from 'node:buffer'
import {
  deadLetterIdOf,
  messageBytesMax,
  parseMessage,
  type AgentEvent,
  type ParsedMessage,
  type Problem,
  type ReceivedEvent,
} from '@infinity-matrix/contracts'
import { functionRow, type FunctionFiredBy } from '@infinity-matrix/core/access'
import { context, type Context } from './context.ts'
import { tellCriticalError } from './critical-errors.ts'
import { keepDeadLetter } from './dead-letters.ts'
import { isTerminal, isUnreadable, messageOf } from './failure.ts'
import { log } from './log.ts'
import { onTopic, type TopicOptions } from './on-topic.ts'

/** An event of a message, with when Pub/Sub took it (UTC, milliseconds). */
export interface DeliveredEvent extends ReceivedEvent {
  publishedAt: string
}

interface EventTrigger {
  /** Which events belong on the topic of its row; others are refused as `wrong-topic`. */
  accepts: (event: AgentEvent) => boolean
  options: Omit<TopicOptions, 'retry'>
  /**
   * Takes the events of one message, whose text has `bytes`; one result for each. A fulfilled one is settled for good;
   * one that is rejected becomes a dead letter if the failure is terminal, and else the whole message is delivered again.
   */
  handle: (
    delivered: readonly DeliveredEvent[],
    context: Context,
    bytes: number,
  ) => Promise<PromiseSettledResult<unknown>[]>
}

/** Handles the events of a message at once and each by itself. */
export const each =
  (handleOne: (delivered: DeliveredEvent, context: Context) => Promise<void>): EventTrigger['handle'] =>
  (delivered, shared) =>
    Promise.allSettled(delivered.map((one) => handleOne(one, shared)))

/**
 * A function on a topic of events. What cannot be accepted of a message is kept as a dead letter with its reason; a
 * message is acknowledged only when each of its events is settled.
 *
 * @param name as it is deployed
 */
export const onEvent = (name: FunctionFiredBy<'topic'>, { accepts, options, handle }: EventTrigger) => {
  const { topic } = functionRow(name, 'topic')
  return onTopic(name, options, async ({ messageId, data, attributes, publishTime }) => {
    const shared = await context()
    const original = Buffer.from(data, 'base64')
    const publishedAt = new Date(Date.parse(publishTime)).toISOString()
    const { events, refused } = readMessage(original, shared.nowMs())

    const refuse = (problem: Problem, raw: string | undefined, index: number) =>
      keepDeadLetter(shared, {
        id: deadLetterIdOf(messageId, index),
        topic,
        problem,
        original: raw === undefined ? original : Buffer.from(raw),
        messageId,
        attributes,
        publishedAt,
      })

    const refusals = refused.map(({ problem, raw, index }) => refuse(problem, raw, index))
    const accepted: (DeliveredEvent & { index: number })[] = []
    for (const received of events) {
      if (accepts(received.event)) accepted.push(Object.assign(received, { publishedAt }))
      else {
        const rule = `${received.event.type} does not belong on ${topic}`
        refusals.push(refuse({ code: 'wrong-topic', field: 'type', rule }, received.raw, received.index))
      }
    }

    const results = await handle(accepted, shared, original.length).catch((reason: unknown) =>
      accepted.map(() => ({ status: 'rejected' as const, reason })),
    )
    const failures: string[] = []
    const telling: Promise<void>[] = []
    results.forEach((result, at) => {
      const received = accepted[at]
      if (result.status === 'fulfilled' || !received) return
      const rule = messageOf(result.reason)
      if (!isTerminal(result.reason)) {
        failures.push(rule)
        telling.push(tellIfCritical(shared, topic, received, result.reason))
      } else refusals.push(refuse({ code: 'not-storable', field: '', rule }, received.raw, received.index))
    })
    await Promise.all(telling)
    for (const kept of await Promise.allSettled(refusals))
      if (kept.status === 'rejected') failures.push(messageOf(kept.reason))
    if (failures.length > 0) {
      log.warn('delivery failed, to be tried again', { topic, messageId, failures: failures.slice(0, 3) })
      throw new Error(`${failures.length} of ${events.length + refused.length} events failed: ${failures[0]}`)
    }
  })
}

// What fails for so long is no hiccup.
const failingMinutesMax = 5

const tellIfCritical = async (
  shared: Context,
  topic: string,
  { event, publishedAt }: DeliveredEvent,
  error: unknown,
) => {
  if (isUnreadable(error)) await tellCriticalError(shared, event.subject, 'document-unreadable', error)
  else if (shared.nowMs() - Date.parse(publishedAt) > failingMinutesMax * 60_000)
    await tellCriticalError(shared, `topics/${topic}`, 'delivery-keeps-failing', error)
}

/**
 * The events of a message's bytes, each judged by itself.
 *
 * @param nowMs the receiver's clock, in milliseconds since 1970
 */
export const readMessage = (bytes: Uint8Array, nowMs: number): ParsedMessage => {
  const refuseAll = (code: Problem['code'], rule: string): ParsedMessage => ({
    events: [],
    refused: [{ problem: { code, field: '', rule }, raw: undefined, index: 0 }],
  })
  if (bytes.length > messageBytesMax)
    return refuseAll('too-large', `must be at most ${messageBytesMax} bytes, and has ${bytes.length}`)
  // Node replaces bytes that are not UTF-8; a dead letter must rather say so.
  if (!isUtf8(bytes)) return refuseAll('not-json', 'must be UTF-8')
  return parseMessage(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8'), nowMs)
}
