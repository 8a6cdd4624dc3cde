import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { onAbort } from '../abort.ts'
import type { ControlPlane } from '../control-plane.ts'
import { createReporter, type Reporter } from '../agent/reporter.ts'
import { startRun } from '../agent/runner.ts'
import type { Sender } from '../events.ts'

interface Worker {
  agentId: string
  /** Under `workers/`. */
  file: string
  task: string
}

/** The fleet of `npm start`: real processes with something to do. */
export const workers: readonly Worker[] = [
  { agentId: 'prime-counter', file: 'primes.ts', task: 'count primes' },
  { agentId: 'file-hasher', file: 'hash-files.ts', task: 'hash the source files of this repository' },
  { agentId: 'compressor', file: 'compress.ts', task: 'compress the lockfile' },
  { agentId: 'flaky', file: 'flaky.ts', task: 'work, and fail now and then' },
  { agentId: 'waiter', file: 'timers.ts', task: 'wait on timers' },
]

export interface FleetOptions {
  sender: Omit<Sender, 'agentId'>
  /** Drains the fleet. */
  signal: AbortSignal
}

export interface Fleet {
  /** How many reports its agents have made. */
  reported: () => number
  /** Whether all of them are stored. */
  isStored: () => Promise<boolean>
  /** Resolves when the fleet is drained and all its reports are published. */
  ended: Promise<void>
}

const heartbeatSeconds = 5
const graceSeconds = 5
const restartMs = 1000

const keepRunning = async (reporter: Reporter, { file, task }: Worker, signal: AbortSignal): Promise<void> => {
  while (!signal.aborted) {
    const run = await startRun(reporter, {
      command: process.execPath,
      args: [join(import.meta.dirname, '../workers', file)],
      started: { kind: 'worker', task, labels: { fleet: 'start', program: file } },
      heartbeatSeconds,
      graceSeconds,
    })
    const forget = onAbort(signal, () => run.drain('the fleet stops'))
    await run.ended
    forget()
    // An abort ends the pause, and the loop.
    await delay(restartMs, undefined, { signal }).catch(() => {})
  }
  await reporter.settled()
}

/** Runs each worker as an agent, again and again, until the signal drains them. */
export const startFleet = async (controlPlane: ControlPlane, { sender, signal }: FleetOptions): Promise<Fleet> => {
  const members = workers.map((worker) => ({
    worker,
    reporter: createReporter({ ...sender, agentId: worker.agentId }, controlPlane),
  }))
  const requests = await controlPlane.onRequest(({ agentId, type }) => {
    const asked = members.find(({ worker }) => worker.agentId === agentId)
    if (type === 'agent.resync-requested.v1') asked?.reporter.snapshot()
  })
  const runAll = async () => {
    try {
      await Promise.all(members.map(({ worker, reporter }) => keepRunning(reporter, worker, signal)))
    } finally {
      await requests.close()
    }
  }
  return {
    reported: () => members.reduce((sum, { reporter }) => sum + reporter.lastSequence(), 0),
    isStored: async () => {
      const documents = await controlPlane.readAgents(members.map(({ worker }) => worker.agentId))
      const stored = new Map<string, number>(documents.map(({ agentId, lastSequence }) => [agentId, lastSequence]))
      return members.every(({ worker, reporter }) => (stored.get(worker.agentId) ?? 0) >= reporter.lastSequence())
    },
    ended: runAll(),
  }
}
