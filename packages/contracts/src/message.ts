import type { AgentEvent } from './event.ts'
import { parseEvent } from './event.ts'
import type { Problem } from './problem.ts'

/** One event of a message. `raw` is its own JSON text, which alone is a message with the same meaning. */
export interface ReceivedEvent {
  event: AgentEvent
  raw: string
}

export interface RefusedEvent {
  problem: Problem
  /** The event's own JSON text, or the whole message when no single event can be told apart. */
  raw: string
  /** Its place in the message. */
  index: number
}

export interface ParsedMessage {
  events: ReceivedEvent[]
  refused: RefusedEvent[]
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
    refused: [{ problem: { code, field, rule }, raw: text, index: 0 }],
  })
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    return refuseAll('not-json', '', 'must be JSON (RFC 8259)')
  }
  const isBatch = typeof body === 'object' && body !== null && 'events' in body && !('specversion' in body)
  const items: unknown = isBatch ? body.events : [body]
  if (!Array.isArray(items) || items.length === 0)
    return refuseAll('bad-envelope', 'events', 'must be a list of at least one event')

  const parsed: ParsedMessage = { events: [], refused: [] }
  items.forEach((item: unknown, index) => {
    const result = parseEvent(item, nowMs)
    const raw = isBatch ? jsonOf(item, text) : text
    if (result.ok) parsed.events.push({ event: result.value, raw })
    else parsed.refused.push({ problem: result.problem, raw, index })
  })
  return parsed
}

// JSON that is nested deeper than the stack can be parsed, but not written again.
const jsonOf = (item: unknown, text: string) => {
  try {
    return JSON.stringify(item)
  } catch {
    return text
  }
}
