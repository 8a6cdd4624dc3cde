import { isReport, parseEvent } from '@infinity-matrix/contracts'
import { fold, type Delivery, type StoredAgent } from '@infinity-matrix/core/fleet'
import type { Archive, ArchivedEvent, EventFilter } from './archive.ts'

/** The archived events of one agent, to be read once, before the next agent's. */
export interface AgentHistory {
  agentId: string
  events: AsyncIterable<ArchivedEvent>
}

/** What events make of an agent. Undefined: they say nothing of its state. */
export interface RebuiltAgent {
  agent: StoredAgent | undefined
  /** How many events there were. */
  events: number
  /** The first and last sequence of reports that were not to be folded; null when there were none. */
  leftOut: { from: number; to: number } | null
}

// An agent may have any number of events, of which so many are held at a time.
const foldedTogether = 1000

/** The archive agent by agent, in the order of their ids. */
export async function* agentHistories(archive: Archive, filter: EventFilter = {}): AsyncGenerator<AgentHistory> {
  const events = archive.events(filter)[Symbol.asyncIterator]()
  try {
    let next = await events.next()
    async function* ofOne(agentId: string): AsyncGenerator<ArchivedEvent> {
      for (; !next.done && next.value.agentId === agentId; next = await events.next()) yield next.value
    }
    while (!next.done) {
      const { agentId } = next.value
      const own = ofOne(agentId)
      yield { agentId, events: own }
      // Whoever had it may not have read all of it.
      for await (const _ of own);
    }
  } finally {
    await events.return?.()
  }
}

/** Folds a history by the fold that the functions use; `isWanted` may leave events out. */
export const foldHistory = async (
  { events }: Pick<AgentHistory, 'events'>,
  isWanted: (delivery: Delivery) => boolean = () => true,
): Promise<RebuiltAgent> => {
  const rebuilt: RebuiltAgent = { agent: undefined, events: 0, leftOut: null }
  let waiting: Delivery[] = []
  const foldWaiting = () => {
    const last = waiting.at(-1)
    if (last) rebuilt.agent = fold(rebuilt.agent, waiting, Date.parse(last.publishedAt)).agent
    waiting = []
  }
  for await (const { raw, publishedAt } of events) {
    rebuilt.events++
    const parsed = parseEvent(JSON.parse(raw), Date.parse(publishedAt))
    if (!parsed.ok) continue
    const delivery = { event: parsed.value, raw, publishedAt }
    if (isWanted(delivery)) waiting.push(delivery)
    else if (isReport(delivery.event)) {
      const { sequence } = delivery.event
      const { from, to } = rebuilt.leftOut ?? { from: sequence, to: sequence }
      rebuilt.leftOut = { from: Math.min(from, sequence), to: Math.max(to, sequence) }
    }
    if (waiting.length >= foldedTogether) foldWaiting()
  }
  foldWaiting()
  return rebuilt
}

/** One agent as it is, or was at `untilMs` (milliseconds since 1970); undefined when the archive knows nothing of it. */
export const rebuildAgent = async (
  archive: Archive,
  agentId: string,
  untilMs?: number,
): Promise<RebuiltAgent | undefined> => {
  const filter = { agentIds: new Set([agentId]), ...(untilMs !== undefined && { untilMs }) }
  // Awaited here: the events end with the loop.
  for await (const history of agentHistories(archive, filter)) return await foldHistory(history)
  return undefined
}
