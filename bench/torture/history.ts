import type { AgentReport, ReportedState } from '@infinity-matrix/contracts'
import { evolve, newAgent, refusalOf, type ReportContent } from '@infinity-matrix/core/reported-state'
import { countingUuid, reportJson } from '@infinity-matrix/testing'
import type { Random } from '../random.ts'
import { digitFields, digitsPerField } from './digits.ts'

type ReportType = AgentReport['type']
export type ReportJson = ReturnType<typeof reportJson<ReportType>>

/** What one agent has to say. */
export interface AgentHistory {
  agentId: string
  /** In order: the report at index n has sequence n + 1. */
  reports: ReportJson[]
  /** Sequences of reports that must end as dead letters, for they cannot follow what came before. */
  illegal: ReadonlySet<number>
  /** The sequence of a report that is lost on its way, for good: asked for it, the agent sends its last report, a snapshot. */
  missing: number | undefined
}

export interface HistoryOptions {
  agentCount: number
  /** All reports of all agents. */
  eventCount: number
  /** When the first was made, in milliseconds since 1970. */
  startMs: number
  prefix: string
}

/** At most this many reports of an agent, so that each step has a digit of its own. */
export const reportsMax = digitFields.length * digitsPerField

const tools = ['search', 'edit', 'run', 'browse', 'ask'] as const
const regions = ['us-west1', 'europe-west4', 'asia-east1'] as const
const tiers = ['elite', 'mastery', 'standard'] as const
const shares = { missing: 0.01, snapshot: 0.05 }

/** How many reports each agent makes: they add up, and differ by up to a half of their mean. */
const lengthsOf = (random: Random, { agentCount, eventCount }: HistoryOptions): number[] => {
  const mean = Math.floor(eventCount / agentCount)
  const spread = Math.min(Math.floor(mean / 2), reportsMax - mean - 1)
  const lengths = Array.from({ length: agentCount }, () => mean)
  for (let index = 0; index + 1 < agentCount; index += 2) {
    const moved = random.int(0, Math.max(0, spread))
    lengths[index] = mean + moved
    lengths[index + 1] = mean - moved
  }
  for (let index = 0; index < eventCount - mean * agentCount; index++) lengths[index] = (lengths[index] ?? 0) + 1
  return lengths
}

/**
 * A fleet's histories. Every step adds a power of 4 of its own to one of the agent's counts, and every finish to its
 * cost: the state tells which of them it holds, and how often.
 */
export const createHistories = (random: Random, options: HistoryOptions): AgentHistory[] => {
  let made = 0
  return lengthsOf(random, options).map((length, index) => {
    const agentId = `${options.prefix}-${index}`
    const overrides = {
      agentId,
      tenant: `tenant-${random.int(1, 5)}`,
      region: random.pick(regions),
      tier: random.pick(tiers),
    }
    // A refusal before a snapshot depends on which comes first, and so does what is missing before one.
    const isMissing = length >= 4 && random.chance(shares.missing)
    const snapshotAt = !isMissing && length >= 4 && random.chance(shares.snapshot) ? random.int(3, length) : undefined
    const endsInSnapshot = isMissing ? length : snapshotAt
    const illegal = new Set<number>()
    let state: ReportedState = newAgent
    const digits = { steps: 0, finishes: 0 }
    const reports = Array.from({ length }, (_, before) => {
      const sequence = before + 1
      const timeMs = options.startMs + made++
      const content: ReportContent =
        sequence === endsInSnapshot
          ? { type: 'agent.snapshot.v1', data: { state } }
          : nextContent(random, state, digits, endsInSnapshot === undefined)
      const report = reportJson<ReportType>(content.type, sequence, content.data, {
        ...overrides,
        timeMs,
        id: countingUuid(timeMs, made),
      })
      if (refusalOf(state, content)) illegal.add(sequence)
      else state = evolve(state, content, report.time)
      return report
    })
    return {
      agentId,
      reports,
      illegal,
      // Something must follow it, or nobody could know that it is missing.
      missing: isMissing ? random.int(2, length - 2) : undefined,
    }
  })
}

const nextContent = (
  random: Random,
  state: ReportedState,
  digits: { steps: number; finishes: number },
  mayBeIllegal: boolean,
): ReportContent => {
  const start = (): ReportContent => ({
    type: 'agent.started.v1',
    data: { kind: 'worker', labels: { batch: String(random.int(1, 9)) } },
  })
  const step = (): ReportContent => {
    const digit = digits.steps++
    const field = digitFields[Math.floor(digit / digitsPerField)] ?? digitFields[0]
    return {
      type: 'agent.step-taken.v1',
      data: { step: 'acted', tool: random.pick(tools), [field]: 4 ** (digit % digitsPerField) },
    }
  }
  const isActive = state.status === 'running' || state.status === 'waiting' || state.status === 'draining'
  const drawn = random.int(1, 100)
  if (!isActive) return mayBeIllegal && state.status !== 'new' && drawn <= 30 ? step() : start()
  if (drawn <= 80) return step()
  if (drawn <= 92)
    return { type: 'agent.status-changed.v1', data: { status: random.pick(['running', 'waiting', 'draining']) } }
  // An agent that crashed starts again without having finished.
  if (drawn <= 94) return start()
  const costUsd = 4 ** digits.finishes++
  return {
    type: 'agent.finished.v2',
    data: { outcome: random.pick(['success', 'failure', 'completed']), costUsd: costUsd <= 4 ** 18 ? costUsd : 0 },
  }
}
