import {
  appendTransitions,
  chainOf,
  chainText,
  instantOf,
  isReport,
  parkedInDocumentLengthMax,
  parkedInDocumentMax,
  parkedMax,
  parseEvent,
  type AgentDocument,
  type AgentObservation,
  type AgentReport,
  type ParkedReport,
  type Presence,
  type ReceivedEvent,
  type Transition,
  type Problem,
  type ReportedState,
} from '@infinity-matrix/contracts'
import { extendChain, type TextHash } from '../shared/event-chain.ts'
import { evolve, newAgent, refusalOf } from '../shared/reported-state.ts'
import { observe } from './presence.ts'
import { reportProperties } from './desired/report.ts'

/** One event as it was delivered. `publishedAt` is Pub/Sub's publish time, UTC with milliseconds. */
export interface Delivery extends ReceivedEvent {
  publishedAt: string
}

/** A report's text, and when it was published. */
type Received = Pick<Delivery, 'raw' | 'publishedAt'>

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

/** How the reports that a fold applies are added to the agent's chain. */
export interface Recording {
  /** The name of the commit. */
  window: string
  hash: TextHash
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
 * @param recording without it the agent's chain stays as it is
 */
export const fold = (
  stored: StoredAgent | undefined,
  deliveries: readonly Delivery[],
  nowMs: number,
  recording?: Recording,
): Folded => {
  const now = new Date(nowMs).toISOString()
  const refused: RefusedReport[] = []
  const released: ParkedReport[] = []
  const transitions: Transition[] = []
  const inTurn: Received[] = []
  const waiting = new Map<number, ParkedReport>()
  for (const parked of stored ? [...stored.document.parked, ...stored.parkedElsewhere] : [])
    waiting.set(parked.sequence, parked)
  // What is stored until the first change, then a copy that this fold may write to.
  let document = stored?.document

  const draftFor = (report: AgentReport): AgentDocument => {
    if (!document) document = emptyDocument(report, now)
    else if (document === stored?.document) document = { ...document }
    return document
  }

  const refuse = (
    agent: Pick<AgentDocument, 'agentId' | 'tenant'>,
    sequence: number,
    received: Received,
    problem: Problem,
  ) =>
    refused.push({
      agentId: agent.agentId,
      tenant: agent.tenant,
      sequence,
      raw: received.raw,
      publishedAt: received.publishedAt,
      problem,
    })

  const apply = (agent: AgentDocument, report: AgentReport, received: Received) => {
    const properties = reportProperties(agent, report)
    const problem = refusalOf(agent.reported, report) ?? properties.problem
    if (problem) refuse(agent, report.sequence, received, problem)
    const at = instantOf(report.time)
    const reported = evolve(agent.reported, report, at)
    transitions.push({
      sequence: report.sequence,
      type: report.type,
      status: reported.status,
      at,
      publishedAt: received.publishedAt,
      foldedAt: now,
      ...(problem ? { refused: problem.rule } : {}),
    })
    inTurn.push(received)
    agent.region = report.region
    agent.tier = report.tier
    agent.reported = reported
    agent.status = reported.status
    agent.lastSequence = report.sequence
    if (report.type === 'agent.started.v1') {
      agent.presence = null
      agent.capabilities = {}
    }
    Object.assign(agent, runFields(report, reported), properties.fields)
  }

  // Parsed anew, since a newer release may know a newer version of its type than the one that parked it.
  const applyParked = (agent: AgentDocument, parked: ParkedReport) => {
    const parsed = parseEvent(JSON.parse(parked.raw), Date.parse(parked.publishedAt))
    if (parsed.ok && isReport(parsed.value)) apply(agent, parsed.value, parked)
    else if (!parsed.ok) {
      refuse(agent, parked.sequence, parked, parsed.problem)
      inTurn.push(parked)
    }
    agent.lastSequence = parked.sequence
  }

  const release = (agent: AgentDocument) => {
    for (const sequence of waiting.keys()) if (sequence <= agent.lastSequence) waiting.delete(sequence)
    for (;;) {
      const next = waiting.get(agent.lastSequence + 1)
      if (!next) return
      waiting.delete(next.sequence)
      released.push(next)
      applyParked(agent, next)
    }
  }

  const foldReport = (report: AgentReport, received: Received): Verdict => {
    const { sequence, agentId, tenant } = report
    if (document && document.tenant !== tenant) {
      const rule = 'must be the tenant that the agent belongs to'
      refuse({ agentId, tenant }, sequence, received, { code: 'tenant-mismatch', field: 'tenant', rule })
      return 'refused'
    }
    const lastSequence = document?.lastSequence ?? 0
    if (sequence <= lastSequence) return 'duplicate'
    if (sequence === lastSequence + 1 || report.type === 'agent.snapshot.v1') {
      const agent = draftFor(report)
      apply(agent, report, received)
      if (waiting.size > 0) release(agent)
      return 'applied'
    }
    if (waiting.has(sequence)) return 'duplicate'
    if (waiting.size >= parkedMax) {
      const rule = `follows ${lastSequence}, and at most ${parkedMax} reports may wait for a missing one`
      refuse({ agentId, tenant }, sequence, received, { code: 'gap-too-wide', field: 'sequence', rule })
      return 'refused'
    }
    draftFor(report)
    waiting.set(sequence, { sequence, publishedAt: received.publishedAt, raw: received.raw })
    return 'parked'
  }

  const foldObservation = (observation: AgentObservation): Verdict => {
    if (document) document = observe(document, observation)
    return 'observed'
  }

  const verdicts = deliveries.map((delivery) =>
    isReport(delivery.event) ? foldReport(delivery.event, delivery) : foldObservation(delivery.event),
  )
  if (!document || document === stored?.document) return { agent: stored, changed: false, verdicts, refused, released }

  const hasGap = waiting.size > 0
  const sameGap = hasGap && document.gapSince !== null && document.lastSequence === stored?.document.lastSequence
  const { parked, parkedElsewhere } = placed(waiting)
  return {
    agent: {
      document: {
        ...document,
        version: document.version + 1,
        parked,
        parkedElsewhere: parkedElsewhere.length,
        gapSince: sameGap ? document.gapSince : hasGap ? now : null,
        hasGap,
        resyncRequestedAt: sameGap ? document.resyncRequestedAt : null,
        transitions: appendTransitions(document.transitions, transitions),
        chain: recording ? chainAfter(document, inTurn, recording) : document.chain,
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

const chainAfter = (agent: AgentDocument, reports: readonly Received[], { window, hash }: Recording): string => {
  if (reports.length === 0) return agent.chain
  const texts = reports.map(({ raw }) => raw)
  return chainText(extendChain(hash, chainOf(agent), texts, window))
}

/** Of the waiting reports, from the first to be applied on, those that the agent's own document holds, and the rest. */
const placed = (
  waiting: ReadonlyMap<number, ParkedReport>,
): Pick<StoredAgent, 'parkedElsewhere'> & { parked: ParkedReport[] } => {
  const inOrder = [...waiting.values()].sort((a, b) => a.sequence - b.sequence)
  const inDocument = fittingInDocument(inOrder)
  return { parked: inOrder.slice(0, inDocument), parkedElsewhere: inOrder.slice(inDocument) }
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

type Address = Pick<AgentDocument, 'agentId' | 'tenant' | 'region' | 'tier'>

/** An agent whose data was deleted, as the fold is to see it: whatever comes is a duplicate, or old news. */
export const erasedAgent = (agentId: AgentDocument['agentId'], tenant: string): StoredAgent => {
  const address: Address = { agentId, tenant, region: '', tier: 'standard' }
  const [first, last] = ['1970-01-01T00:00:00.000Z', '9999-12-31T23:59:59.999Z']
  const presence: Presence = { status: 'silent', since: first, observedAt: last }
  // A run that is over has nothing to be silent about.
  const reported: AgentDocument['reported'] = {
    status: 'cancelled',
    run: { kind: '', number: 0, startedAt: first },
    usage: newAgent.usage,
    finish: { outcome: 'cancelled', finishedAt: last },
  }
  const lastSequence = Number.MAX_SAFE_INTEGER
  return { document: { ...emptyDocument(address, first), reported, lastSequence, presence }, parkedElsewhere: [] }
}

const emptyDocument = ({ agentId, tenant, region, tier }: Address, now: string): AgentDocument => ({
  agentId,
  tenant,
  region,
  tier,
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
  transitions: '',
  presence: null,
  capabilities: {},
  chain: '',
  createdAt: now,
  updatedAt: now,
})
