import type { ReportContent } from '@infinity-matrix/core/reported-state'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { logTailLengthMax, type Outcome } from '@infinity-matrix/contracts'
import { createDirectives } from './directives.ts'
import { createLogTail } from './log-tail.ts'
import { processTreeUse } from './process-tree.ts'
import type { Reporter } from './reporter.ts'

export interface RunOptions {
  command: string
  args: readonly string[]
  started: Extract<ReportContent, { type: 'agent.started.v1' }>['data']
  heartbeatSeconds: number
  /** A drained process has this long before it is killed. */
  graceSeconds: number
  /** The process's environment; the runner's own without it. */
  environment?: NodeJS.ProcessEnv
  /** Whether the process reads the runner's standard input, or none. */
  stdin?: 'inherit' | 'ignore'
  /** Gets the process's output as it comes, but for the lines by which it reports. */
  output?: { stdout: (text: string) => void; stderr: (text: string) => void }
  /** Hears of report lines that are not understood. */
  onProblem?: (problem: string) => void
}

export interface Ended {
  outcome: Outcome
  /** As a shell tells it: 128 and the signal's number for a process that a signal ended. */
  exitCode: number
}

export interface Run {
  pid: number
  ended: Promise<Ended>
  /** Asks the process to end, and kills it after the grace period. */
  drain: (reason: string) => void
}

/** The command could not be started; no run began, and nothing was reported. */
export class CommandError extends Error {
  readonly code = 'command-not-started'
}

/** The silence bound, in heartbeats. */
const missedHeartbeatsMax = 3
// A process that the command left in the background may hold its output open.
const outputMsAfterExitMax = 500

/**
 * Runs a real process as one run of an agent: reports its start, its steps and status by `createDirectives`, its heartbeats
 * with what the process tree uses, and its end with exit code, signal and, on failure, the end of its output.
 *
 * The process leads a process group of its own, and all of the group ends with it; or with the process that runs it.
 *
 * @throws {CommandError} when the command cannot be started
 */
export const startRun = async (reporter: Reporter, options: RunOptions): Promise<Run> => {
  const child = spawn(options.command, options.args, {
    stdio: [options.stdin ?? 'ignore', 'pipe', 'pipe'],
    detached: true,
    env: options.environment,
  })
  await once(child, 'spawn').catch((error: unknown) => {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    throw new CommandError(`${options.command}: ${isMissing ? 'command not found' : String(error)}`, { cause: error })
  })
  const pid = child.pid ?? 0
  const signalGroup = (signal: NodeJS.Signals) => {
    try {
      process.kill(-pid, signal)
    } catch {
      // All of it is gone.
    }
  }

  const kill = () => signalGroup('SIGKILL')
  process.once('exit', kill)

  const log = createLogTail(logTailLengthMax)
  const output = readOutput(child, reporter, options, log.add)
  reporter.report({ type: 'agent.started.v1', data: options.started })

  const heartbeat = async () => {
    const use = await processTreeUse(pid)
    if (child.exitCode === null && child.signalCode === null)
      reporter.heartbeat({ silenceBoundSeconds: options.heartbeatSeconds * missedHeartbeatsMax, ...use })
  }
  void heartbeat()
  const heartbeats = setInterval(() => void heartbeat(), options.heartbeatSeconds * 1000)

  let isDraining = false
  let grace: NodeJS.Timeout | undefined
  const drain = (reason: string) => {
    if (isDraining) return
    isDraining = true
    reporter.report({ type: 'agent.status-changed.v1', data: { status: 'draining', reason } })
    signalGroup('SIGTERM')
    grace = setTimeout(kill, options.graceSeconds * 1000)
  }

  const waitForEnd = async (): Promise<Ended> => {
    const [exitCode, signal] = await exitOf(child)
    await Promise.race([output.closed, delay(outputMsAfterExitMax, undefined, { ref: false })])
    output.stop()
    clearInterval(heartbeats)
    clearTimeout(grace)
    kill()
    process.off('exit', kill)
    const outcome = isDraining ? 'cancelled' : exitCode === 0 ? 'success' : 'failure'
    reporter.report({
      type: 'agent.finished.v2',
      data: {
        outcome,
        ...(exitCode === null ? {} : { exitCode }),
        ...(signal === null ? {} : { signal }),
        ...(outcome === 'failure' ? { logTail: log.read() } : {}),
      },
    })
    reporter.heartbeat({ silenceBoundSeconds: options.heartbeatSeconds * missedHeartbeatsMax, leaving: true })
    return { outcome, exitCode: exitCode ?? 128 + constants.signals[signal ?? 'SIGKILL'] }
  }

  return { pid, ended: waitForEnd(), drain }
}

const exitOf = (child: ChildProcess) =>
  new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve([child.exitCode, child.signalCode])
    else child.once('exit', (exitCode, signal) => resolve([exitCode, signal]))
  })

const readOutput = (child: ChildProcess, reporter: Reporter, options: RunOptions, keep: (text: string) => void) => {
  const directives = createDirectives({
    onReport: reporter.report,
    onProblem: options.onProblem ?? (() => {}),
    onText: (text) => {
      keep(text)
      options.output?.stdout(text)
    },
  })
  child.stdout?.setEncoding('utf8').on('data', directives.write)
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    keep(text)
    options.output?.stderr(text)
  })
  return {
    /** Both outputs have ended. */
    closed: new Promise<void>((resolve) => child.once('close', () => resolve())),
    stop: () => {
      for (const stream of [child.stdout, child.stderr]) stream?.removeAllListeners('data').destroy()
      directives.end()
    },
  }
}
