import { z } from 'zod'
import { fields } from './data-class.ts'
import { isReport, type AgentEvent, type Parsed } from './event.ts'
import { batchOf, itemsOf, lineItemsOf, type EventItem } from './message.ts'
import { problemCodes } from './problem.ts'
import { ProblemDetails } from './problem-details.ts'
import { topics, type TopicName } from './topics.ts'

/** Where events are taken over HTTP. */
export const ingestPath = '/v1/events'
/** A request's body is at most this large. */
export const ingestBytesMax = 1024 * 1024
/** ... and holds at most this many events. */
export const ingestEventsMax = 1000
/** A client that prefers to wait (RFC 7240) is answered after this long at the latest. */
export const ingestWaitSecondsMax = 30

/** An event in each line. */
export const linesMediaType = 'application/x-ndjson'
/** Media types of a request. Two are CloudEvents' own: its HTTP binding, structured and batched. */
export const ingestMediaTypes = [
  'application/json',
  'application/cloudevents+json',
  'application/cloudevents-batch+json',
  linesMediaType,
] as const

/** An event of a request. `line`: from 1, where every line is an event. */
export interface IngestItem extends EventItem {
  line?: number
}

/** The events of a request's body. JSON is one event, `{ "events": [...] }`, or a list of events. */
export const ingestItemsOf = (text: string, mediaType: string): Parsed<IngestItem[]> => {
  if (mediaType !== linesMediaType) return itemsOf(text, (body) => (Array.isArray(body) ? body : batchOf(body)))
  const items = lineItemsOf(text)
  if (items.length === 0)
    return { ok: false, problem: { code: 'bad-envelope', field: '', rule: 'must hold at least one event' } }
  return { ok: true, value: items }
}

/** The topic of an event that agents may send; undefined for what only the control plane says. */
export const ingestTopicOf = (event: AgentEvent): TopicName | undefined => {
  if (isReport(event)) return topics.stateChanges.name
  return event.type === 'agent.heartbeat.v1' ? topics.healthChecks.name : undefined
}

/** What became of a report that was folded before the answer; the same report may be a duplicate by then. */
export const foldVerdicts = ['applied', 'duplicate', 'parked', 'observed', 'refused'] as const

/** One for each event, in the order of the request. */
export const IngestResult = z.discriminatedUnion('status', [
  /** It is published, and will be folded; `verdict` says that it was. */
  z.object(
    fields.internal({ status: z.literal('accepted'), id: z.string(), verdict: z.enum(foldVerdicts).optional() }),
  ),
  /** It is kept as a dead letter, and the same bytes will be refused again. */
  z.object(
    fields.internal({
      status: z.literal('refused'),
      problem: z.object(fields.internal({ code: z.enum(problemCodes), field: z.string(), rule: z.string() })),
      line: z.int().optional(),
    }),
  ),
])
export type IngestResult = z.infer<typeof IngestResult>

/** The answer to a request of which at least one event is accepted. */
export const IngestAnswer = z.object(
  fields.internal({ accepted: z.int(), refused: z.int(), results: z.array(IngestResult) }),
)
export type IngestAnswer = z.infer<typeof IngestAnswer>

/** ... and to one of which none is. */
export const IngestProblem = z.object({ ...ProblemDetails.shape, ...IngestAnswer.shape })
export type IngestProblem = z.infer<typeof IngestProblem>
