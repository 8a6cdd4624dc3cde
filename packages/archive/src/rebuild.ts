import { parseEvent } from '@infinity-matrix/contracts'
import { fold, type Delivery, type StoredAgent } from '@infinity-matrix/core/fleet'
import type { Archive, ArchivedEvent, EventFilter } from './archive.ts'

/** An agent as its archived events make it. Undefined: they say nothing of its state. */
export interface RebuiltAgent {
  agentId: string
  agent: StoredAgent | undefined
  /** How many archived events there are of it. */
  events: number
}

// An agent may have any number of events, of which so many are held at a time.
const foldedTogether = 1000

/**
 * Every agent of the archive, in the order of their ids, folded from its first event on by the fold that the functions
 * use. With `untilMs`: as it was then.
 */
export async function* rebuildAgents(archive: Archive, filter: EventFilter = {}): AsyncGenerator<RebuiltAgent> {
  let current: RebuiltAgent | undefined
  let waiting: Delivery[] = []
  const foldWaiting = (rebuilt: RebuiltAgent) => {
    const last = waiting.at(-1)
    if (last) rebuilt.agent = fold(rebuilt.agent, waiting, Date.parse(last.publishedAt)).agent
    waiting = []
  }
  for await (const event of archive.events(filter)) {
    if (current?.agentId !== event.agentId) {
      if (current) {
        foldWaiting(current)
        yield current
      }
      current = { agentId: event.agentId, agent: undefined, events: 0 }
    }
    current.events++
    waiting.push(...deliveryOf(event))
    if (waiting.length >= foldedTogether) foldWaiting(current)
  }
  if (!current) return
  foldWaiting(current)
  yield current
}

/** One agent as it is, or was at `untilMs` (milliseconds since 1970); undefined when the archive knows nothing of it. */
export const rebuildAgent = async (
  archive: Archive,
  agentId: string,
  untilMs?: number,
): Promise<RebuiltAgent | undefined> => {
  const filter = untilMs === undefined ? { agentId } : { agentId, untilMs }
  for await (const rebuilt of rebuildAgents(archive, filter)) return rebuilt
  return undefined
}

const deliveryOf = ({ raw, publishedAt }: ArchivedEvent): Delivery[] => {
  const parsed = parseEvent(JSON.parse(raw), Date.parse(publishedAt))
  return parsed.ok ? [{ event: parsed.value, raw, publishedAt }] : []
}
