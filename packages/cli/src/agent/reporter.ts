import type { Properties, ReportedState } from '@infinity-matrix/contracts'
import { mergePatch } from '@infinity-matrix/core/properties'
import { evolve, newAgent, type ReportContent } from '@infinity-matrix/core/reported-state'
import { heartbeatEvent, reportEvent, type Heartbeat, type Sender, type WireEvent } from '../events.ts'

/** What a reporter needs of the control plane. */
export interface Publisher {
  publish: (event: WireEvent) => Promise<void>
}

/** Where an agent that was there before goes on: the highest sequence it used, and its state there. */
export interface Past {
  highestSequence: number
  state: ReportedState
  properties: Properties
  seenDesiredVersion: number
  /** Whether a report before `highestSequence` is missing: then a snapshot has to bridge the gap. */
  hasGap: boolean
}

/**
 * Speaks for one agent, over all its runs: gives each report the next sequence, and keeps the agent's own state. Publishes
 * in the background; `settled` waits for all of it.
 */
export const createReporter = (sender: Sender, { publish }: Publisher, past?: Past) => {
  let sequence = past?.highestSequence ?? 0
  let state = past?.state ?? newAgent
  let properties = past?.properties ?? {}
  let desiredVersion = past?.seenDesiredVersion ?? 0
  const failures: unknown[] = []
  const underWay = new Set<Promise<void>>()

  const send = (event: WireEvent) => {
    const sent: Promise<void> = publish(event)
      .catch((error: unknown) => void failures.push(error))
      .finally(() => underWay.delete(sent))
    underWay.add(sent)
  }

  const report = (said: ReportContent) => {
    sequence += 1
    const time = new Date()
    state = evolve(state, said, time.toISOString())
    if (said.type === 'agent.properties-reported.v1') {
      properties = mergePatch(properties, said.data.properties)
      desiredVersion = said.data.desiredVersion ?? desiredVersion
    }
    send(reportEvent(sender, sequence, said, { time }))
  }

  const reporter = {
    agentId: sender.agentId,
    report,
    heartbeat: (data: Heartbeat) => send(heartbeatEvent(sender, data)),
    /** The whole state as one report: it replaces whatever of the earlier ones was lost. */
    snapshot: () => report({ type: 'agent.snapshot.v1', data: { state, properties, desiredVersion } }),
    lastSequence: () => sequence,
    status: () => state.status,
    /** @throws when something could not be published */
    settled: async (): Promise<void> => {
      await Promise.all(underWay)
      const [first] = failures.splice(0)
      if (first !== undefined) throw new Error(`${sender.agentId}: could not publish`, { cause: first })
    },
  }
  if (past?.hasGap) reporter.snapshot()
  return reporter
}

export type Reporter = ReturnType<typeof createReporter>
