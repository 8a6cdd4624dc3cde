import type { ReportContent } from '@infinity-matrix/core/reported-state'
import { hash } from 'node:crypto'
import type { AgentFinished, AgentStarted, StepTaken } from '@infinity-matrix/contracts'
import { v7 as uuidv7 } from 'uuid'
import type { z } from 'zod'
import { reportEvent, type Sender, type WireEvent } from '../events.ts'

export type Step = z.infer<typeof StepTaken>

/** One recorded run of an agent: one step is one event. */
export interface RecordedRun {
  /** The same for the same recording, wherever and whenever it is read. */
  agentId: string
  started: z.infer<typeof AgentStarted>
  steps: Step[]
  finished: z.infer<typeof AgentFinished>
}

/** What the agent said during the run, in order; an event's sequence is its place, from 1. */
export const reportsOf = ({ started, steps, finished }: RecordedRun): ReportContent[] => [
  { type: 'agent.started.v1', data: started },
  ...steps.map((data): ReportContent => ({ type: 'agent.step-taken.v1', data })),
  { type: 'agent.finished.v2', data: finished },
]

// Recordings carry no times, and an id must be the same at each replay: its time is this fixed one.
const recordedAtMs = Date.UTC(2025, 0, 1)

const eventId = (agentId: string, sequence: number): string =>
  uuidv7({ msecs: recordedAtMs, random: hash('sha256', `${agentId}#${sequence}`, 'buffer').subarray(0, 16) })

/**
 * The run as events. Ids and sequences depend on the recording alone, so a second replay is made of duplicates.
 *
 * @param time when the events are said to happen: the control plane takes no events that are older than 30 days
 */
export const eventsOf = (run: RecordedRun, sender: Omit<Sender, 'agentId'>, time: Date): WireEvent[] =>
  reportsOf(run).map((report, index) => {
    const sequence = index + 1
    return reportEvent({ ...sender, agentId: run.agentId }, sequence, report, {
      id: eventId(run.agentId, sequence),
      time,
    })
  })

/** Turns a name into one that fits an agent's id. */
export const idPart = (name: string): string => name.replaceAll(/[^A-Za-z0-9._-]+/g, '-').slice(0, 80)

/** A tool's name as a key of stored counts; undefined when nothing of it is left. */
export const toolName = (name: string): string | undefined =>
  name.replaceAll(/\p{C}/gu, '').replace(/^_+/, '').slice(0, 128).toWellFormed() || undefined
