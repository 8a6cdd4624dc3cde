import {
  isReport,
  parkedInDocumentLengthMax,
  parkedInDocumentMax,
  parkedMax,
  parseEvent,
  transitionsKept,
  type AgentDocument,
  type AgentObservation,
  type AgentReport,
  type ParkedReport,
  type ReceivedEvent,
  type Transition,
  type Problem,
  type ReportedState,
} from '@infinity-matrix/contracts'
import { evolve, newAgent, refusalOf } from '../shared/reported-state.ts'
import { observe } from './presence.ts'
import { reportProperties } from './desired/report.ts'

/** One event as it was delivered. `publishedAt` is Pub/Sub's publish time, UTC with milliseconds. */
export interface Delivery extends ReceivedEvent {
  publishedAt: string
}

/** An agent as it is stored: its document, and what is parked in documents of their own. */
export interface StoredAgent {
  document: AgentDocument
  parkedElsewhere: ParkedReport[]
}

/**
 * What became of one delivery. `applied`: it changed the state, or stands refused at its place in the order.
 * `parked`: it waits for a missing one. `observed`: not a report of the agent itself.
 */
export type Verdict = 'applied' | 'duplicate' | 'parked' | 'observed' | 'refused'

/** A report that can never be applied, to be kept as a dead letter before the agent is stored. */
export interface RefusedReport {
  agentId: string
  tenant: string
  sequence: number
  raw: string
  publishedAt: string
  problem: Problem
}

export interface Folded {
  /** What to store; undefined when there is still nothing to store. */
  agent: StoredAgent | undefined
  changed: boolean
  /** One for each delivery, in their order. */
  verdicts: Verdict[]
  refused: RefusedReport[]
  /** Parked reports that the deliveries set free. */
  released: ParkedReport[]
}

/**
 * Folds deliveries into one agent's state, in whatever order and however often they come: a report is applied once, in
 * the order of its sequence; one that is early is parked; a snapshot replaces all before it.
 *
 * Total: it never throws, and the same reports in any order give the same state.
 *
 * @param nowMs the folding clock, in milliseconds since 1970
 */
export const fold = (stored: StoredAgent | undefined, deliveries: readonly Delivery[], nowMs: number): Folded => {
  const now = new Date(nowMs).toISOString()
  const refused: RefusedReport[] = []
  const released: ParkedReport[] = []
  let document = stored?.document
  let waiting = stored ? [...stored.document.parked, ...stored.parkedElsewhere] : []

  const refuse = (agent: AgentDocument, parked: ParkedReport, problem: Problem) =>
    refused.push({ agentId: agent.agentId, tenant: agent.tenant, ...parked, problem })

  const apply = (agent: AgentDocument, report: AgentReport, parked: ParkedReport): AgentDocument => {
    const properties = reportProperties(agent, report)
    const problem = refusalOf(agent.reported, report) ?? properties.problem
    if (problem) refuse(agent, parked, problem)
    const at = new Date(Date.parse(report.time)).toISOString()
    const reported = evolve(agent.reported, report, at)
    const transition: Transition = {
      sequence: report.sequence,
      type: report.type,
      status: reported.status,
      at,
      publishedAt: parked.publishedAt,
      foldedAt: now,
      ...(problem ? { refused: problem.rule } : {}),
    }
    return {
      ...agent,
      region: report.region,
      tier: report.tier,
      reported,
      status: reported.status,
      ...runFields(report, reported),
      ...properties.fields,
      lastSequence: report.sequence,
      transitions: [...agent.transitions, JSON.stringify(transition)].slice(-transitionsKept),
      ...(report.type === 'agent.started.v1' ? { presence: null, capabilities: {} } : {}),
    }
  }

  // Parsed anew, since a newer release may know a newer version of its type than the one that parked it.
  const applyParked = (agent: AgentDocument, parked: ParkedReport): AgentDocument => {
    const parsed = parseEvent(JSON.parse(parked.raw), Date.parse(parked.publishedAt))
    if (parsed.ok && isReport(parsed.value)) return apply(agent, parsed.value, parked)
    if (!parsed.ok) refuse(agent, parked, parsed.problem)
    return { ...agent, lastSequence: parked.sequence }
  }

  const releaseFrom = (agent: AgentDocument): AgentDocument => {
    let current = agent
    waiting = waiting.filter(({ sequence }) => sequence > current.lastSequence)
    for (;;) {
      const next = waiting.find(({ sequence }) => sequence === current.lastSequence + 1)
      if (!next) return current
      waiting = waiting.filter((parked) => parked !== next)
      released.push(next)
      current = applyParked(current, next)
    }
  }

  const foldReport = (report: AgentReport, raw: string, publishedAt: string): Verdict => {
    const agent = document ?? emptyDocument(report, now)
    const parked: ParkedReport = { sequence: report.sequence, publishedAt, raw }
    if (agent.tenant !== report.tenant) {
      refuse({ ...agent, tenant: report.tenant }, parked, {
        code: 'tenant-mismatch',
        field: 'tenant',
        rule: 'must be the tenant that the agent belongs to',
      })
      return 'refused'
    }
    if (report.sequence <= agent.lastSequence) return 'duplicate'
    if (report.sequence === agent.lastSequence + 1 || report.type === 'agent.snapshot.v1') {
      document = releaseFrom(apply(agent, report, parked))
      return 'applied'
    }
    if (waiting.some(({ sequence }) => sequence === report.sequence)) return 'duplicate'
    if (waiting.length >= parkedMax) {
      refuse(agent, parked, {
        code: 'gap-too-wide',
        field: 'sequence',
        rule: `follows ${agent.lastSequence}, and at most ${parkedMax} reports may wait for a missing one`,
      })
      return 'refused'
    }
    waiting.push(parked)
    document = { ...agent }
    return 'parked'
  }

  const foldObservation = (observation: AgentObservation): Verdict => {
    if (document) document = observe(document, observation)
    return 'observed'
  }

  const lastSequenceBefore = stored?.document.lastSequence ?? 0
  const verdicts = deliveries.map(({ event, raw, publishedAt }) =>
    isReport(event) ? foldReport(event, raw, publishedAt) : foldObservation(event),
  )
  if (!document || document === stored?.document) return { agent: stored, changed: false, verdicts, refused, released }

  waiting.sort((a, b) => a.sequence - b.sequence)
  const sameGap = waiting.length > 0 && document.gapSince !== null && document.lastSequence === lastSequenceBefore
  const inDocument = fittingInDocument(waiting)
  const parkedElsewhere = waiting.slice(inDocument)
  return {
    agent: {
      document: {
        ...document,
        version: document.version + 1,
        parked: waiting.slice(0, inDocument),
        parkedElsewhere: parkedElsewhere.length,
        gapSince: sameGap ? document.gapSince : waiting.length > 0 ? now : null,
        hasGap: waiting.length > 0,
        resyncRequestedAt: sameGap ? document.resyncRequestedAt : null,
        updatedAt: now,
      },
      parkedElsewhere,
    },
    changed: true,
    verdicts,
    refused,
    released,
  }
}

/** How many of the waiting reports, from the first to be applied on, the agent's own document holds. */
const fittingInDocument = (waiting: readonly ParkedReport[]): number => {
  let length = 0
  const tooMany = waiting.findIndex(({ raw }, index) => {
    length += raw.length
    return index >= parkedInDocumentMax || length > parkedInDocumentLengthMax
  })
  return tooMany === -1 ? waiting.length : tooMany
}

/** What queries look for of a run, when a report begins or replaces it. */
const runFields = ({ type }: AgentReport, reported: ReportedState): Partial<Pick<AgentDocument, 'kind' | 'labels'>> => {
  if (type !== 'agent.started.v1' && type !== 'agent.snapshot.v1') return {}
  return 'run' in reported ? { kind: reported.run.kind, labels: reported.run.labels ?? {} } : { kind: null, labels: {} }
}

const emptyDocument = (report: AgentReport, now: string): AgentDocument => ({
  agentId: report.agentId,
  tenant: report.tenant,
  region: report.region,
  tier: report.tier,
  status: newAgent.status,
  kind: null,
  labels: {},
  reported: newAgent,
  properties: '{}',
  seenDesiredVersion: 0,
  desired: null,
  inSync: true,
  version: 0,
  lastSequence: 0,
  parked: [],
  parkedElsewhere: 0,
  gapSince: null,
  hasGap: false,
  resyncRequestedAt: null,
  transitions: [],
  presence: null,
  capabilities: {},
  createdAt: now,
  updatedAt: now,
})
