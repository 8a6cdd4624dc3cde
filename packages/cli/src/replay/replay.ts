import { setTimeout as delay } from 'node:timers/promises'
import { outcomes, type AgentDocument, type Outcome } from '@infinity-matrix/contracts'
import type { ControlPlane } from '../control-plane.ts'
import type { Sender } from '../events.ts'
import type { LagMs } from '../lag.ts'
import { createTally } from '../receipts.ts'
import { eventsOf, type RecordedRun } from '../recordings/index.ts'
import { publishOrder, type Disorder } from './order.ts'
import { publishAll } from './publish.ts'
import { watchForStall } from './stall.ts'

export interface ReplayOptions extends Disorder {
  sender: Omit<Sender, 'agentId'>
  ratePerSecond?: number | undefined
  aheadMax: number
  /** So long nothing may happen before the replay is given up. */
  idleSecondsMax: number
  signal: AbortSignal
  onProgress: (progress: { published: number; folded: number; total: number }) => void
  onWarning: (warning: string) => void
}

/** What became of a replay. Agents, outcomes and `parked` are read from the store, the other counts from fold receipts. */
export interface ReplaySummary {
  agents: number
  events: number
  applied: number
  duplicates: number
  parked: number
  deadLetters: number
  outcomes: Record<Outcome, number>
  lagMs: LagMs
}

export interface Replayed {
  summary: ReplaySummary
  documents: AgentDocument[]
}

/** Published events did not all come out as state in time. */
export class NotFoldedError extends Error {
  readonly code = 'not-folded'
}

const pollMs = 200

/**
 * Publishes recorded runs as a fleet would, waits until each event is accounted for, and reads the agents back.
 *
 * @throws {NotFoldedError} when nothing more happens though events are still missing
 */
export const replay = async (
  controlPlane: Pick<ControlPlane, 'publish' | 'onReceipt' | 'readAgents' | 'countDeadLetters'>,
  runs: readonly RecordedRun[],
  options: ReplayOptions,
): Promise<Replayed> => {
  const { sender, idleSecondsMax, onProgress, onWarning } = options
  const agentIds = runs.map(({ agentId }) => agentId)
  const time = new Date()
  const histories = runs.map((run) => eventsOf(run, sender, time))
  const stream = publishOrder(histories, options)
  const deadLettersBefore = await controlPlane.countDeadLetters(sender.tenant)
  const tally = createTally()
  let published = 0
  const tellProgress = () =>
    onProgress({ published, folded: Math.min(stream.length, tally.delivered()), total: stream.length })

  const isStored = async (): Promise<boolean> => {
    const agents = await controlPlane.readAgents(agentIds)
    const sequences = new Map<string, number>(agents.map(({ agentId, lastSequence }) => [agentId, lastSequence]))
    return runs.every(({ agentId }, index) => (sequences.get(agentId) ?? 0) >= (histories[index]?.length ?? 0))
  }

  const waitUntilFolded = async (signal: AbortSignal) => {
    for (;;) {
      tellProgress()
      if (tally.delivered() >= stream.length && (tally.read().refused > 0 || (await isStored()))) return
      await delay(pollMs, undefined, { signal })
    }
  }

  const explainStall = async () => {
    const missing = stream.length - tally.delivered()
    if (missing <= 0) return
    const what = `${missing} of ${stream.length} events have no receipt`
    if (!(await isStored())) throw new NotFoldedError(`${what}, and nothing happened for ${idleSecondsMax} s`)
    onWarning(`${what}, though every run is stored: receipts are telemetry, and some were lost`)
  }

  const receipts = await controlPlane.onReceipt((receipt) => {
    if (receipt.tenant === sender.tenant) tally.add(receipt)
  })
  const stall = watchForStall(() => published + tally.delivered(), idleSecondsMax)
  const signal = AbortSignal.any([options.signal, stall.signal])
  try {
    await publishAll(controlPlane, stream, {
      ratePerSecond: options.ratePerSecond,
      aheadMax: options.aheadMax,
      folded: tally.delivered,
      signal,
      onPublished: (count) => {
        published = count
        tellProgress()
      },
    })
    await waitUntilFolded(signal)
  } catch (error) {
    if (!stall.signal.aborted) throw error
    await explainStall()
  } finally {
    stall.stop()
    await receipts.close()
  }

  const { delivered, applied, duplicates, lagMs } = tally.read()
  if (delivered > stream.length)
    onWarning(
      `other agents reported meanwhile: receipts count ${delivered - stream.length} events that are not of this replay`,
    )
  const documents = await controlPlane.readAgents(agentIds)
  return {
    documents,
    summary: {
      agents: documents.length,
      events: stream.length,
      applied,
      duplicates,
      parked: documents.reduce((sum, { parked, parkedElsewhere }) => sum + parked.length + parkedElsewhere, 0),
      deadLetters: (await controlPlane.countDeadLetters(sender.tenant)) - deadLettersBefore,
      outcomes: countOutcomes(documents),
      lagMs,
    },
  }
}

const outcomeOf = ({ reported }: AgentDocument) => ('finish' in reported ? reported.finish.outcome : undefined)

const countOutcomes = (documents: readonly AgentDocument[]): Record<Outcome, number> => {
  const counts = Object.fromEntries(outcomes.map((outcome) => [outcome, 0])) as Record<Outcome, number>
  for (const document of documents) {
    const outcome = outcomeOf(document)
    if (outcome) counts[outcome] += 1
  }
  return counts
}
