import { z } from 'zod'
import { fields } from './data-class.ts'
import { parseEvent, type AgentEvent, type Parsed } from './event.ts'
import type { Problem } from './problem.ts'

/**
 * A Pub/Sub message as Eventarc hands it to a function. One that has only attributes comes without `data`.
 *
 * @see https://cloud.google.com/pubsub/docs/reference/rest/v1/PubsubMessage
 */
export const PubSubMessage = z.object({
  ...fields.internal({
    messageId: z.string(),
    publishTime: z.iso.datetime({ offset: true }),
  }),
  ...fields.confidential({
    /** Base64. */
    data: z.string().default(''),
    attributes: z.record(z.string(), z.string()).default({}),
  }),
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

/** An event of a body, not judged yet: what JSON made of it, and its own text where that is known. */
export interface EventItem {
  body: Parsed<unknown>
  text?: string
}

/** One event of a body, judged by itself. `raw`: its own JSON text; undefined when it cannot be written again. */
export interface JudgedEvent {
  raw: string | undefined
  parsed: Parsed<AgentEvent>
}

/**
 * The events of one Pub/Sub message: its text is one event, one in each line, or `{ "events": [...] }`. Each event is
 * judged by itself.
 *
 * @param text the message's bytes as UTF-8
 * @param nowMs the receiver's clock, in milliseconds since 1970
 */
export const parseMessage = (text: string, nowMs: number): ParsedMessage => {
  const items = isLines(text) ? { ok: true as const, value: lineItemsOf(text) } : itemsOf(text, batchOf)
  if (!items.ok) return { events: [], refused: [{ problem: items.problem, raw: undefined, index: 0 }] }
  const parsed: ParsedMessage = { events: [], refused: [] }
  items.value.forEach((item, index) => {
    const judged = judgeItem(item, nowMs)
    if (judged.parsed.ok) parsed.events.push(new EventOfMessage(judged.parsed.value, index, judged))
    else parsed.refused.push({ problem: judged.parsed.problem, raw: judged.raw, index })
  })
  return parsed
}

/**
 * The events of a JSON text.
 *
 * @param listOf the list in a body that is a batch; undefined for a body that is one event
 */
export const itemsOf = (text: string, listOf: (body: unknown) => unknown): Parsed<EventItem[]> => {
  const body = parseJson(text)
  if (!body.ok) return body
  const list = listOf(body.value)
  if (list === undefined) return { ok: true, value: [{ body, text }] }
  if (Array.isArray(list) && list.length > 0)
    return { ok: true, value: list.map((value: unknown) => ({ body: { ok: true, value } })) }
  return { ok: false, problem: { code: 'bad-envelope', field: 'events', rule: 'must be a list of at least one event' } }
}

/** Whether a text has an event in each line. One JSON text has no line break between two objects, but with a comma. */
export const isLines = (text: string): boolean => text.includes('}\n{')

/** The events of a text that has one in each line, each with its line, from 1. Empty lines are none. */
export const lineItemsOf = (text: string): (EventItem & { text: string; line: number })[] =>
  text
    .split('\n')
    .map((line, index) => ({ text: line, line: index + 1 }))
    .filter(({ text: line }) => line.trim() !== '')
    .map((item) => ({ ...item, body: parseJson(item.text) }))

/** @param nowMs the receiver's clock, in milliseconds since 1970 */
export const judgeItem = ({ body, text }: EventItem, nowMs: number): JudgedEvent => {
  const parsed = body.ok ? parseEvent(body.value, nowMs) : body
  if (body.ok && parsed.ok && parsed.isExact && text === undefined) return new ExactEvent(parsed, body.value)
  const raw = text ?? (body.ok ? jsonOf(body.value) : undefined)
  if (raw !== undefined || !parsed.ok) return { raw, parsed }
  return { raw, parsed: { ok: false, problem: { code: 'bad-envelope', field: '', rule: 'is nested too deep' } } }
}

// Few events of a batch need their own text again, so it is written when it is asked for. What the schemas name all of is
// not nested too deep for that.
class ExactEvent implements JudgedEvent {
  readonly parsed: Parsed<AgentEvent>
  readonly #body: unknown

  constructor(parsed: Parsed<AgentEvent>, body: unknown) {
    this.parsed = parsed
    this.#body = body
  }

  get raw(): string {
    return JSON.stringify(this.#body)
  }
}

class EventOfMessage implements ReceivedEvent {
  readonly event: AgentEvent
  readonly index: number
  readonly #judged: JudgedEvent

  constructor(event: AgentEvent, index: number, judged: JudgedEvent) {
    this.event = event
    this.index = index
    this.#judged = judged
  }

  get raw(): string {
    return this.#judged.raw ?? ''
  }
}

export const parseJson = (text: string): Parsed<unknown> => {
  try {
    return { ok: true, value: JSON.parse(text) }
  } catch {
    return { ok: false, problem: { code: 'not-json', field: '', rule: 'must be JSON (RFC 8259)' } }
  }
}

/** The list of a body that is a batch; undefined for any other. */
export const batchOf = (body: unknown): unknown =>
  typeof body === 'object' && body !== null && 'events' in body && !('specversion' in body) ? body.events : undefined

// JSON that is nested deeper than the stack can be parsed, but not written again.
const jsonOf = (item: unknown): string | undefined => {
  try {
    return JSON.stringify(item)
  } catch {
    return undefined
  }
}

/**
 * The text of a message that holds these events, one in each line: so each is read with its own text, which nobody has to
 * write again.
 *
 * @param raws each event's own JSON text, at least one; without line breaks where there are several
 */
export const messageText = (raws: readonly string[]): string => raws.join('\n')

/** What stands between two events of a message. */
export const separatorBytes = '\n'.length

/**
 * Events in their order, in as few messages as hold them; an event that is too large for any stands alone.
 *
 * @param bytesOf the UTF-8 bytes of an event's own text
 * @param bytesMax of a message's text
 */
export const packMessages = <T>(events: readonly T[], bytesOf: (event: T) => number, bytesMax: number): T[][] => {
  const messages: T[][] = []
  let bytes = Infinity
  for (const event of events) {
    const more = bytesOf(event) + separatorBytes
    if (bytes + more > bytesMax) {
      messages.push([])
      bytes = -separatorBytes
    }
    messages.at(-1)?.push(event)
    bytes += more
  }
  return messages
}
