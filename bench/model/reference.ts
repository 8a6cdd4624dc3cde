import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { collections, parseEvent, topics, type AgentDocument, type FoldReceipt } from '@infinity-matrix/contracts'
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

/** Bytes of what the code sends and stores, of events and documents that it makes itself. */
export const reference = () => {
  const document = agentDocument()
  return {
    eventBytes: mean(run().map(jsonBytes)),
    heartbeatBytes: jsonBytes(observationJson('agent.heartbeat.v1', { silenceBoundSeconds: 90 }, { agentId })),
    agentDocumentBytes: documentBytes(`${collections.agents}/${agentId}`, document),
    agentJsonBytes: jsonBytes(document),
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

/** The figure of one row of docs/performance.md, which is where measurements stand. */
export const measured = (row: string): number => {
  const text = readFileSync(join(import.meta.dirname, '../../docs/performance.md'), 'utf8')
  const line = text.split('\n').find((one) => one.split('|')[1]?.trim() === row)
  const value = Number(line?.split('|')[2]?.replaceAll(',', '').trim())
  if (!(value > 0)) throw new Error(`docs/performance.md has no row "${row}" with a figure`)
  return value
}

export const ratePerCoreRow = 'events through the built handler, per core'

export const naiveRow = 'events by a transaction each'
