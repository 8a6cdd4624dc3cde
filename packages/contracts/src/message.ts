import { z } from 'zod'
import type { AgentEvent } from './event.ts'
import { parseEvent } from './event.ts'
import type { Problem } from './problem.ts'

/**
 * A Pub/Sub message as Eventarc hands it to a function. One that has only attributes comes without `data`.
 *
 * @see https://cloud.google.com/pubsub/docs/reference/rest/v1/PubsubMessage
 */
export const PubSubMessage = z.object({
  messageId: z.string(),
  /** Base64. */
  data: z.string().default(''),
  attributes: z.record(z.string(), z.string()).default({}),
  publishTime: z.iso.datetime({ offset: true }),
})

/** One event of a message. `raw` is its own JSON text, which alone is a message with the same meaning. */
export interface ReceivedEvent {
  event: AgentEvent
  raw: string
}

export interface RefusedEvent {
  problem: Problem
  /** The event's own JSON text; undefined when the whole message is refused. */
  raw: string | undefined
}

/** Each with its place in the message. */
export interface ParsedMessage {
  events: (ReceivedEvent & { index: number })[]
  refused: (RefusedEvent & { index: number })[]
}

/**
 * The events of one Pub/Sub message: its text is one event, or `{ "events": [...] }`. Each event is judged by itself.
 *
 * @param text the message's bytes as UTF-8
 * @param nowMs the receiver's clock, in milliseconds since 1970
 */
export const parseMessage = (text: string, nowMs: number): ParsedMessage => {
  const refuseAll = (code: Problem['code'], field: string, rule: string): ParsedMessage => ({
    events: [],
    refused: [{ problem: { code, field, rule }, raw: undefined, index: 0 }],
  })
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    return refuseAll('not-json', '', 'must be JSON (RFC 8259)')
  }
  const batch = batchOf(body)
  const isBatch = batch !== undefined
  const items: unknown = isBatch ? batch : [body]
  if (!Array.isArray(items) || items.length === 0)
    return refuseAll('bad-envelope', 'events', 'must be a list of at least one event')

  const parsed: ParsedMessage = { events: [], refused: [] }
  items.forEach((item: unknown, index) => {
    const result = parseEvent(item, nowMs)
    const raw = isBatch ? jsonOf(item) : text
    if (!result.ok) parsed.refused.push({ problem: result.problem, raw, index })
    else if (raw !== undefined) parsed.events.push({ event: result.value, raw, index })
    else parsed.refused.push({ problem: { code: 'bad-envelope', field: '', rule: 'is nested too deep' }, raw, index })
  })
  return parsed
}

const batchOf = (body: unknown): unknown =>
  typeof body === 'object' && body !== null && 'events' in body && !('specversion' in body) ? body.events : undefined

// JSON that is nested deeper than the stack can be parsed, but not written again.
const jsonOf = (item: unknown): string | undefined => {
  try {
    return JSON.stringify(item)
  } catch {
    return undefined
  }
}
