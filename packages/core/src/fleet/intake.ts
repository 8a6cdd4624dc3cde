import {
  ingestTopicOf,
  judgeItem,
  messageBytesMax,
  messageText,
  packMessages,
  type AgentEvent,
  type IngestAnswer,
  type IngestItem,
  type IngestResult,
  type Problem,
  type TopicName,
} from '@infinity-matrix/contracts'
import type { Verdict } from './fold.ts'

/** An event that is taken. `bytes`: of `raw`, its own JSON text, as UTF-8. */
export interface TakenEvent {
  status: 'taken'
  event: AgentEvent
  raw: string
  bytes: number
  topic: TopicName
}

/** An event that is refused. `raw`: undefined when it has no text of its own. */
export interface NotTakenEvent {
  status: 'not-taken'
  problem: Problem
  raw: string | undefined
  line?: number
}

/**
 * Whether an event of a request is taken, and for which topic.
 *
 * @param nowMs the receiver's clock, in milliseconds since 1970
 * @param bytesOf the bytes of a text as UTF-8
 */
export const judgeIngested = (
  item: IngestItem,
  nowMs: number,
  bytesOf: (text: string) => number,
): TakenEvent | NotTakenEvent => {
  const { raw, parsed } = judgeItem(item, nowMs)
  const refuse = (problem: Problem): NotTakenEvent => ({
    status: 'not-taken',
    problem,
    raw,
    ...(item.line === undefined ? {} : { line: item.line }),
  })
  if (!parsed.ok) return refuse(parsed.problem)
  if (raw === undefined) return refuse({ code: 'bad-envelope', field: '', rule: 'is nested too deep' })
  const event = parsed.value
  const topic = ingestTopicOf(event)
  if (topic === undefined)
    return refuse({ code: 'wrong-topic', field: 'type', rule: `${event.type} is for the control plane alone to say` })
  const bytes = bytesOf(raw)
  if (bytes > messageBytesMax)
    return refuse({ code: 'too-large', field: '', rule: `must be at most ${messageBytesMax} bytes, and has ${bytes}` })
  return { status: 'taken', event, raw, bytes, topic }
}

/** The messages in which events are published: as few as hold them, each with the events of one topic in their order. */
export const messagesOf = (events: readonly TakenEvent[]): { topic: TopicName; text: string }[] =>
  [...Map.groupBy(events, ({ topic }) => topic)].flatMap(([topic, ofTopic]) =>
    packMessages(ofTopic, ({ bytes }) => bytes, messageBytesMax).map((packed) => ({
      topic,
      text: messageText(packed.map(({ raw }) => raw)),
    })),
  )

/** What the sender is told of each event, in the order of the request. */
export const ingestAnswerOf = (
  judged: readonly (TakenEvent | NotTakenEvent)[],
  verdicts: ReadonlyMap<TakenEvent, Verdict>,
): IngestAnswer => {
  const results = judged.map((one): IngestResult => {
    if (one.status === 'not-taken')
      return { status: 'refused', problem: one.problem, ...(one.line === undefined ? {} : { line: one.line }) }
    const verdict = verdicts.get(one)
    return { status: 'accepted', id: one.event.id, ...(verdict === undefined ? {} : { verdict }) }
  })
  const accepted = results.filter(({ status }) => status === 'accepted').length
  return { accepted, refused: results.length - accepted, results }
}
