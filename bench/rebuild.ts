import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { foldHistory, parquetArchive, rebuildAgent, type ArchivedEvent } from '@infinity-matrix/archive'
import { reportJson, testNowMs } from '@infinity-matrix/testing'
import { Tables, type TableRow } from '../packages/embedded/src/bigquery/tables.ts'
import { medianOf, row, type Row } from './measure.ts'

const eventCount = 1_000_000
const agentCount = 10_000
const eventsPerMessage = 100
const rowsPerWrite = 1000
const table = 'p.archive.bench'

const eventOf = (index: number) => {
  const sequence = Math.floor(index / agentCount) + 1
  const overrides = { agentId: `agent-${index % agentCount}`, timeMs: testNowMs + index }
  return sequence === 1
    ? reportJson('agent.started.v1', 1, { kind: 'bench' }, overrides)
    : reportJson('agent.step-taken.v1', sequence, { step: 'acted', tool: 'search', costUsd: 0.25 }, overrides)
}

const messageOf = (index: number): TableRow => ({
  subscriptionName: 'bench',
  messageId: String(index),
  publishedMs: testNowMs + index * 100,
  data: JSON.stringify({ events: Array.from({ length: eventsPerMessage }, (_, place) => eventOf(index + place)) }),
  attributes: '{}',
})

/** @returns rows written a second, as the Pub/Sub engine writes them */
const writeArchive = async (folder: string): Promise<number> => {
  const tables = new Tables(folder)
  let seconds = 0
  for (let start = 0; start < eventCount; start += rowsPerWrite * eventsPerMessage) {
    const rows = Array.from({ length: rowsPerWrite }, (_, place) => messageOf(start + place * eventsPerMessage))
    const startedAt = performance.now()
    await tables.append(table, rows)
    seconds += (performance.now() - startedAt) / 1000
  }
  await tables.close()
  return eventCount / eventsPerMessage / seconds
}

/** Events a second that the fold alone makes of histories that are there already, parsing each. */
const foldAlone = async (): Promise<number> => {
  const agents = 500
  const histories = Array.from({ length: agents }, (_, agent) =>
    Array.from({ length: eventCount / agentCount }, (__, turn): ArchivedEvent => {
      const event = eventOf(turn * agentCount + agent)
      return { agentId: `agent-${agent}`, publishedAt: event.time, raw: JSON.stringify(event) }
    }),
  )
  const rates: number[] = []
  for (let round = 0; round < 4; round++) {
    const startedAt = performance.now()
    let events = 0
    for (const history of histories) {
      async function* all() {
        yield* history
      }
      events += (await foldHistory({ events: all() })).events
    }
    if (round > 0) rates.push(events / ((performance.now() - startedAt) / 1000))
  }
  return medianOf(rates)
}

interface Rebuilt {
  agents: number
  events: number
  seconds: number
  memoryMiB: number
}

const rebuildAll = async (files: string): Promise<Rebuilt> => {
  const child = fork(join(import.meta.dirname, 'rebuild-all.ts'), [files])
  const exited = once(child, 'exit').then(() => Promise.reject(new Error('the rebuild ended before it answered')))
  const [rebuilt] = (await Promise.race([once(child, 'message'), exited])) as [Rebuilt]
  return rebuilt
}

/** A full rebuild from Parquet files, beside the fold of histories that are in memory; and one agent of it. */
export const rebuild = async (): Promise<Row[]> => {
  const folder = await mkdtemp(join(tmpdir(), 'bench-archive-'))
  try {
    const written = await writeArchive(folder)
    const files = join(folder, 'p/archive/bench/*/*.parquet')
    const ceiling = await foldAlone()
    const { agents, events, seconds, memoryMiB } = await rebuildAll(files)
    const startedAt = performance.now()
    await rebuildAgent(parquetArchive(files), 'agent-77')
    const oneAgentMs = performance.now() - startedAt
    return [
      row('events rebuilt into agents, parsed and sorted from the archive', events / seconds, '/s', ceiling),
      row('ceiling: the fold of histories in memory', ceiling, '/s', ceiling),
      row('events', events, 'events', eventCount),
      row('agents', agents, 'agents', agentCount),
      row('memory of the rebuild', memoryMiB, 'MiB'),
      row('one agent of these', oneAgentMs, 'ms'),
      row('messages of 100 events written to Parquet, durable', written, '/s'),
    ]
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
