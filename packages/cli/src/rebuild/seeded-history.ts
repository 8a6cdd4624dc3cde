import { evolve, newAgent, refusalOf, type ReportContent } from '@infinity-matrix/core/reported-state'
import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { reportEvent, type Sender, type WireEvent } from '../events.ts'

export interface SeededOptions {
  seed: number
  agents: number
  /** In which the history is published; between them everything comes to rest. */
  parts: number
  eventsPerPart: number
}

export interface HistoryPart {
  /** In the order in which they are published, of one event or several; some events are in two of them. */
  messages: WireEvent[][]
}

const batchMax = 5

/**
 * Histories with all that makes a fold work: starts, steps, status changes, ends, properties, snapshots, steps after the
 * end, duplicates, batches, disorder, and reports that are missing until the next part. Equal arguments give equal
 * histories, but for ids and times.
 */
export const seededHistory = (
  sender: Omit<Sender, 'agentId'>,
  { seed, agents, parts, eventsPerPart }: SeededOptions,
): HistoryPart[] => {
  const random = xoroshiro128plus(seed)
  const below = (count: number) => uniformInt(random, 0, count - 1)
  const shuffled = <T>(items: readonly T[]): T[] =>
    items
      .map((item) => ({ item, at: below(2 ** 30) }))
      .sort((a, b) => a.at - b.at)
      .map(({ item }) => item)

  const fleet = Array.from({ length: agents }, (_, index) => ({
    sender: { ...sender, agentId: `seeded-${seed}-${String(index).padStart(4, '0')}` },
    state: newAgent,
    sequence: 0,
    held: [] as WireEvent[],
  }))
  type Member = (typeof fleet)[number]

  const contentOf = ({ state, sequence }: Member): ReportContent => {
    const pick = below(100)
    if (sequence === 0 || pick < 4)
      return { type: 'agent.started.v1', data: { kind: 'seeded', labels: { pick: String(pick) } } }
    if (pick < 8) return { type: 'agent.snapshot.v1', data: { state, properties: { snapshot: pick } } }
    if (pick < 14) return { type: 'agent.properties-reported.v1', data: { properties: { pick, nested: { seed } } } }
    if (pick < 22) return { type: 'agent.status-changed.v1', data: { status: pick % 2 === 0 ? 'waiting' : 'running' } }
    if (pick < 27) return { type: 'agent.finished.v2', data: { outcome: pick % 2 === 0 ? 'success' : 'failure' } }
    return { type: 'agent.step-taken.v1', data: { step: 'acted', tool: `tool-${pick % 5}`, costUsd: pick / 4 } }
  }

  const report = (member: Member): WireEvent => {
    const content = contentOf(member)
    const event = reportEvent(member.sender, ++member.sequence, content)
    if (refusalOf(member.state, content) === undefined) member.state = evolve(member.state, content, event.time)
    return event
  }

  const partOf = (isLast: boolean): HistoryPart => {
    const events = fleet.flatMap((member) => {
      const made = [...member.held, ...Array.from({ length: eventsPerPart }, () => report(member))]
      // One in four agents has a report missing while the part is at rest.
      const missing = !isLast && below(4) === 0 ? made.splice(below(made.length), 1) : []
      member.held = missing
      return made
    })
    const stream = shuffled([...events, ...events.filter(() => below(10) === 0)])
    const messages: WireEvent[][] = []
    while (stream.length > 0) messages.push(stream.splice(0, 1 + below(batchMax)))
    return { messages }
  }
  return Array.from({ length: parts }, (_, index) => partOf(index === parts - 1))
}
