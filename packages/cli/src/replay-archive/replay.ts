import type { ArchivedEvent } from '@infinity-matrix/archive'

/** How far a replay is: the last event that its target has. */
export interface Cursor {
  agentId: string
  publishedAt: string
  id: string
}

/** Takes events; those of one agent in their order. Resolves when it has them all. */
export type Target = (events: readonly ArchivedEvent[]) => Promise<void>

export interface ReplayOptions {
  /** Where an earlier run came to. */
  after: Cursor | undefined
  /** Called with each place from which a later run may go on. */
  keep: (cursor: Cursor) => Promise<void>
  signal: AbortSignal
}

export interface Replayed {
  sent: number
  /** Sent by an earlier run. */
  skipped: number
}

// What a run that is killed sends again.
const sentTogether = 100

const cursorAt = ({ agentId, publishedAt, raw }: ArchivedEvent): Cursor => {
  const event: unknown = JSON.parse(raw)
  const id = typeof event === 'object' && event !== null && 'id' in event ? String(event.id) : ''
  return { agentId, publishedAt, id }
}

/** Whether an event comes after a cursor, in the order of agents, publication and, at one moment, the archive. */
const passing = (cursor: Cursor) => {
  let isPassed = false
  return (event: ArchivedEvent): boolean => {
    if (isPassed) return true
    if (event.agentId !== cursor.agentId) return (isPassed = event.agentId > cursor.agentId)
    if (event.publishedAt !== cursor.publishedAt) return (isPassed = event.publishedAt > cursor.publishedAt)
    // The one that was sent last, not the one after it.
    isPassed = cursorAt(event).id === cursor.id
    return false
  }
}

/** Sends archived events to a target, from where an earlier run stopped; at least once, and each agent's in order. */
export const replayEvents = async (
  events: AsyncIterable<ArchivedEvent>,
  target: Target,
  { after, keep, signal }: ReplayOptions,
): Promise<Replayed> => {
  const replayed: Replayed = { sent: 0, skipped: 0 }
  const isAfter = after ? passing(after) : () => true
  let together: ArchivedEvent[] = []
  const send = async () => {
    const last = together.at(-1)
    if (!last) return
    await target(together)
    replayed.sent += together.length
    together = []
    await keep(cursorAt(last))
  }
  for await (const event of events) {
    signal.throwIfAborted()
    if (!isAfter(event)) replayed.skipped++
    else together.push(event)
    if (together.length === sentTogether) await send()
  }
  await send()
  return replayed
}
