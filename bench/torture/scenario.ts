import { topics, type Problem } from '@infinity-matrix/contracts'
import { observationJson, reportJson } from '@infinity-matrix/testing'
import { createRandom, type Random } from '../random.ts'
import { createHistories, type AgentHistory, type ReportJson } from './history.ts'
import { createMessages, usualDisorder, type ExpectedLetter, type OutgoingMessage } from './messages.ts'
import { createBadInputs, createIntruder, createTooLarge } from './planted.ts'
import { createWideGap } from './wide-gap.ts'

/** All that a seed publishes, and what must come of it. */
export interface Scenario {
  histories: AgentHistory[]
  letters: ExpectedLetter[]
  /** Each begins when all messages of the one before are settled. */
  acts: OutgoingMessage[][]
  messageCount: number
  /** Different events: reports, heartbeats and bad inputs. */
  eventCount: number
  duplicates: number
}

export interface ScenarioOptions {
  seed: number
  events: number
  agents: number
  /** When it is played, in milliseconds since 1970. */
  nowMs: number
}

const hourMs = 3_600_000
const tooLargeCount = 2
const intruderCount = 5

export const createScenario = ({ seed, events, agents, nowMs }: ScenarioOptions): Scenario => {
  const random = createRandom(seed)
  const startMs = nowMs - hourMs
  const fleet = createHistories(random, { agentCount: agents, eventCount: events, startMs, prefix: `s${seed}` })
  const wide = createWideGap(`s${seed}-wide`, startMs)
  const bad = [
    ...createBadInputs(random, Math.max(20, Math.floor(events / 500)), { histories: fleet, nowMs: startMs }),
    ...Array.from({ length: tooLargeCount }, (_, index) => createTooLarge(index)),
  ]
  const main = createMessages(
    random,
    { histories: fleet, badInputs: bad, disorder: usualDisorder },
    topics.stateChanges.name,
  )
  const health = createHeartbeats(random, fleet, startMs)
  // Only an agent that is known can be named by an intruder.
  const intruders = fleet.slice(0, intruderCount).map((history) => createIntruder(history, startMs))

  const histories = [...fleet, wide.history]
  const illegal = fleet.flatMap(({ reports, illegal: sequences }) =>
    reports.filter(({ sequence }) => sequences.has(sequence)).map((report) => letterOf('illegal-transition', report)),
  )
  const acts = [
    mixed(random, main.messages, [...health.messages, ...batchesOf(wide.waiting)]),
    [...intruders.map(({ bytes }) => onReports(bytes)), ...batchesOf(wide.overflow)],
    batchesOf(wide.first),
    batchesOf(wide.overflow),
  ]
  return {
    histories,
    letters: [
      ...main.letters,
      ...health.letters,
      ...illegal,
      ...intruders.map(({ code, bytes }) => ({ code, bytes, count: 1 })),
      ...wide.overflow.map((report) => letterOf('gap-too-wide', report)),
    ],
    acts,
    messageCount: acts.flat().length,
    eventCount:
      histories.reduce((sum, { reports }) => sum + reports.length, 0) +
      bad.length +
      intruders.length +
      health.messages.length,
    duplicates: main.duplicates,
  }
}

const letterOf = (code: Problem['code'], report: ReportJson): ExpectedLetter => ({
  code,
  bytes: Buffer.from(JSON.stringify(report)),
  count: 1,
})

const onReports = (data: Buffer): OutgoingMessage => ({ topic: topics.stateChanges.name, data })

const batchSize = 100
const batchesOf = (reports: readonly ReportJson[]): OutgoingMessage[] =>
  Array.from({ length: Math.ceil(reports.length / batchSize) }, (_, index) =>
    onReports(Buffer.from(JSON.stringify({ events: reports.slice(index * batchSize, (index + 1) * batchSize) }))),
  )

/** A heartbeat of every tenth agent, and now and then a report on their topic, where it does not belong. */
const createHeartbeats = (random: Random, fleet: readonly AgentHistory[], startMs: number) => {
  const messages: OutgoingMessage[] = []
  const letters: ExpectedLetter[] = []
  for (const [index, { agentId }] of fleet.entries()) {
    if (index % 10 !== 0) continue
    const overrides = { agentId, timeMs: startMs + index }
    const isMisplaced = random.chance(0.02)
    const json = isMisplaced
      ? reportJson('agent.started.v1', 1, { kind: 'misplaced' }, overrides)
      : observationJson('agent.heartbeat.v1', { silenceBoundSeconds: 86_400 }, overrides)
    const data = Buffer.from(JSON.stringify(json))
    messages.push({ topic: topics.healthChecks.name, data })
    if (isMisplaced) letters.push({ code: 'wrong-topic', bytes: data, count: 1 })
  }
  return { messages, letters }
}

/** The others at random places among the messages, which keep their order. */
const mixed = (random: Random, messages: readonly OutgoingMessage[], others: readonly OutgoingMessage[]) => {
  const places = others.map((message) => ({ message, place: random.int(0, messages.length) }))
  const at = Map.groupBy(places, ({ place }) => place)
  return [...messages, undefined].flatMap((message, index) => [
    ...(at.get(index) ?? []).map((other) => other.message),
    ...(message ? [message] : []),
  ])
}
