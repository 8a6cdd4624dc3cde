import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  collections,
  parseEvent,
  topics,
  windowPartText,
  type AgentDocument,
  type ChannelDocument,
  type FoldReceipt,
  type LedgerEntry,
} from '@infinity-matrix/contracts'
import { fold } from '@infinity-matrix/core/fleet'
import { foldReceipt, observationJson, reportJson, testNowMs } from '@infinity-matrix/testing'
import { documentBytes } from './document-size.ts'

const agentId = 'tau-bench-airline-0123'
const stepsPerRun = 26

/** What an agent reports in the recordings: a tool with its result, as the events of one run, start to end. */
const run = () => {
  const sender = { agentId, tenant: 'acme', region: 'us-central1' }
  const steps = Array.from({ length: stepsPerRun }, (_, index) =>
    reportJson(
      'agent.step-taken.v1',
      index + 2,
      index % 2 === 0
        ? { step: 'acted', tool: 'get_reservation_details', costUsd: 0.0048 }
        : { step: 'observed', observationBytes: 1234 + index },
      sender,
    ),
  )
  return [
    reportJson(
      'agent.started.v1',
      1,
      { kind: 'tau-bench', task: 'change a flight', labels: { model: 'gpt-4o' } },
      sender,
    ),
    ...steps,
    reportJson('agent.finished.v2', stepsPerRun + 2, { outcome: 'success', reward: 1 }, sender),
  ].map((event) => ({ ...event, datacontenttype: 'application/json' }))
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
const jsonBytes = (value: object): number => Buffer.byteLength(JSON.stringify(value))

const agentDocument = (): AgentDocument => {
  const deliveries = run().map((json) => {
    const parsed = parseEvent(json, testNowMs)
    if (!parsed.ok) throw new Error(`the reference event is not valid: ${parsed.problem.field} ${parsed.problem.rule}`)
    return { event: parsed.value, raw: '', publishedAt: json.time }
  })
  const document = fold(undefined, deliveries, testNowMs).agent?.document
  if (!document) throw new Error('the reference run folds to no document')
  return document
}

/** The receipt of a commit of so many events, all of them applied. */
const receipt = (events: number): FoldReceipt =>
  foldReceipt({ tenant: 'acme', applied: events, lagMs: Array.from({ length: events }, () => 12) })

/** Of an agent whose reports come in order: none waits. */
const channel: ChannelDocument = {
  tenant: 'acme',
  since: new Date(testNowMs).toISOString(),
  next: stepsPerRun,
  first: 1,
  startedAt: new Date(testNowMs).toISOString(),
  waiting: [],
  waitingSince: null,
  isWaiting: false,
}

const digest = 'x'.repeat(43)
/** The entry of a commit. */
const windowEntry: LedgerEntry = {
  version: 1,
  id: '0190a0a0-0000-7000-8000-000000000000',
  time: new Date(testNowMs).toISOString(),
  kind: 'events-folded',
  action: 'events-folded',
  actor: { kind: 'control-plane', id: 'fleet-fold' },
  tenant: '*',
  subject: `${collections.ledgerWindows}/0190a0a0-0000-4000-8000-000000000000`,
  outcome: 'done',
  reason: null,
  trace: null,
  details: { root: digest, agents: 5 },
  commitments: {},
}

/** Bytes of what the code sends and stores, of events and documents that it makes itself. */
export const reference = () => {
  const document = agentDocument()
  return {
    eventBytes: mean(run().map(jsonBytes)),
    heartbeatBytes: jsonBytes(observationJson('agent.heartbeat.v1', { silenceBoundSeconds: 90 }, { agentId })),
    // In a pulse: the id in a list of JSON, and 13 bytes of columns.
    pulseBytesPerAgent: JSON.stringify(agentId).length + 1 + 13,
    agentDocumentBytes: documentBytes(`${collections.agents}/${agentId}`, document),
    channelBytes: documentBytes(`${collections.channels}/${agentId}`, channel),
    agentJsonBytes: jsonBytes(document),
    windowBytes: (agents: number) =>
      agents * windowPartText({ agent: agentId, head: digest, length: 1000, tenant: 'acme' }).length,
    entryBytes: jsonBytes(windowEntry),
    receiptBytes: (events: number) => jsonBytes(receipt(events)) + 'typefleet.folded.v1tenantacme'.length,
  }
}

interface DeployedFunction {
  maxInstances: number
  concurrency: number
  availableMemoryMb: number
  cpu: number
  eventTrigger?: { eventFilters: { topic?: string } }
}

/** How the function on a topic is deployed, as the manifest of `firebase deploy` says. */
export const deployedOn = (topic: string): DeployedFunction => {
  const file = join(import.meta.dirname, '../../emulator-tests/manifest.json')
  const { endpoints } = JSON.parse(readFileSync(file, 'utf8')) as { endpoints: Record<string, DeployedFunction> }
  const found = Object.values(endpoints).find(({ eventTrigger }) => eventTrigger?.eventFilters.topic === topic)
  if (!found) throw new Error(`no function is deployed on ${topic}`)
  return found
}

export const orchestrator = (): DeployedFunction => deployedOn(topics.stateChanges.name)

/** The rows of docs/performance.md, which is where measurements stand: names and figures. */
const measuredRows = (): { name: string; value: number }[] => {
  const text = readFileSync(join(import.meta.dirname, '../../docs/performance.md'), 'utf8')
  return text.split('\n').map((line) => {
    const [, name = '', figure = ''] = line.split('|')
    return { name: name.trim(), value: Number(figure.replaceAll(',', '').trim() || NaN) }
  })
}

export interface Measurement {
  /** As docs/performance.md calls it. */
  name: string
  value: number
}

/** The figure of a row, or with `perCore` of the one that says so below it; what was measured before, while there is none. */
const measured = (name: string, before: Measurement, { perCore = false } = {}): Measurement => {
  const rows = measuredRows()
  const index = rows.findIndex((row) => row.name === name)
  const value = rows[perCore ? index + 1 : index]?.value
  return index >= 0 && value !== undefined && value > 0 ? { name, value } : before
}

const firstDistribution: Measurement = { name: 'passed on by a busy machine, 2026-11-27', value: 896 }

/** Events that one core passes on to a subscriber in a second. */
export const distributedPerCoreSecond = (): Measurement =>
  measured('events through the distributor, in order', firstDistribution)

const firstFold: Measurement = { name: 'an event a message, 2026-11-20', value: 4194 }

/** Events that one core folds in a second, when messages hold so many. */
export const eventsPerCoreSecond = (eventsPerMessage: number): Measurement =>
  eventsPerMessage > 1
    ? measured('events, 100 a message, 20 an agent', firstFold, { perCore: true })
    : measured('bar 0.8: documents folded, an event each', firstFold, { perCore: true })

/** ... and by a transaction for each event, as measured on 2026-11-20. Later figures are not of a core but of its waiting. */
export const transactionsPerCoreSecond = 1059
