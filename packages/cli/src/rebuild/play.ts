import { setTimeout as delay } from 'node:timers/promises'
import type { ControlPlane, WholeAgent } from '../control-plane.ts'
import type { WireEvent } from '../events.ts'
import type { HistoryPart } from './seeded-history.ts'

/** All agents as they were stored while nothing was on its way. */
export interface Moment {
  atMs: number
  stored: WholeAgent[]
}

/** What was published did not all come to be stored. */
export class NotAtRestError extends Error {
  readonly code = 'not-folded'
}

type Player = Pick<ControlPlane, 'publish' | 'publishBatch' | 'agentsInOrder'>

// The emulator suite gives up on an event that it could not run within a minute, so what does not come is sent again.
const againSeconds = 20
const restSecondsMax = 180
const pollMs = 100
const publishedTogether = 20

const isStored = ({ document, parkedElsewhere }: WholeAgent, sequence = 0): boolean =>
  sequence <= document.lastSequence || [...document.parked, ...parkedElsewhere].some((one) => one.sequence === sequence)

/**
 * Publishes a history part by part, each when the one before is at rest, and remembers what was stored then.
 *
 * @throws {NotAtRestError} when reports of a part are not stored in time
 */
export const playHistory = async (
  player: Player,
  parts: readonly HistoryPart[],
  signal: AbortSignal,
): Promise<Moment[]> => {
  const moments: Moment[] = []
  for (const { messages } of parts) {
    await publishAll(player, messages)
    const stored = await atRest(player, messages, signal)
    moments.push({ atMs: Date.now(), stored })
    // The next part is published after this moment.
    await delay(pollMs, undefined, { signal })
  }
  return moments
}

const publishAll = async ({ publish, publishBatch }: Player, messages: readonly WireEvent[][]): Promise<void> => {
  for (let start = 0; start < messages.length; start += publishedTogether) {
    const together = messages.slice(start, start + publishedTogether)
    await Promise.all(
      together.map((events) => {
        const [event] = events
        return event && events.length === 1 ? publish(event) : publishBatch(events)
      }),
    )
  }
}

const atRest = async (player: Player, messages: readonly WireEvent[][], signal: AbortSignal): Promise<WholeAgent[]> => {
  const events = messages.flat()
  const agentIdOf = ({ subject }: WireEvent) => subject.slice('agents/'.length)
  const agentIds = new Set(events.map(agentIdOf))
  const startedAt = performance.now()
  let sentAt = startedAt
  for (;;) {
    const stored: WholeAgent[] = []
    for await (const agent of player.agentsInOrder(agentIds)) stored.push(agent)
    const byId = new Map(stored.map((agent) => [String(agent.document.agentId), agent]))
    const missing = events.filter((event) => {
      const agent = byId.get(agentIdOf(event))
      return !agent || !isStored(agent, event.sequence)
    })
    if (missing.length === 0) return stored
    const now = performance.now()
    if (now - startedAt > restSecondsMax * 1000)
      throw new NotAtRestError(`${missing.length} reports are not stored ${restSecondsMax} s after they were published`)
    if (now - sentAt > againSeconds * 1000) {
      sentAt = now
      await publishAll(player, [missing])
    }
    await delay(pollMs, undefined, { signal })
  }
}
