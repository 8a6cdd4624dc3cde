import { hash } from 'node:crypto'
import { basename, dirname, extname, resolve } from 'node:path'
import { z } from 'zod'
import { idPart, toolName, type RecordedRun, type Step } from './run.ts'

const ModelStats = z.object({
  instance_cost: z.number().min(0).nullish(),
  tokens_sent: z.int().min(0).nullish(),
  tokens_received: z.int().min(0).nullish(),
})

const Message = z.object({
  role: z.string(),
  content: z.json(),
  action: z.string().nullish(),
  is_demo: z.boolean().nullish(),
})

/**
 * A SWE-agent trajectory (`.traj`): steps of thought, action and observation, and how the run ended.
 *
 * @see https://swe-agent.com/latest/usage/trajectories/
 */
export const SweAgentFile = z.object({
  environment: z.string().nullish(),
  trajectory: z.array(
    z.object({
      action: z.string().nullish(),
      observation: z.string().nullish(),
      /** Seconds. */
      execution_time: z.number().min(0).nullish(),
    }),
  ),
  info: z.object({ exit_status: z.string().nullish(), model_stats: ModelStats.nullish() }),
})

/** A demonstration that was cut down to its messages: no steps, no exit status. */
export const SweAgentHistory = z.object({ trajectory: z.undefined().optional(), history: z.array(Message).min(1) })

const stepOf = (action: string | null | undefined, observation: string | null | undefined): Step => {
  const program = /\S+/.exec(action ?? '')?.[0]
  return {
    ...(program === undefined ? { step: 'thought' } : { step: 'acted', tool: toolName(program) }),
    ...(observation ? { observationBytes: Buffer.byteLength(observation) } : {}),
  }
}

/** The same name stands in many folders, each a different configuration: the folder is part of the agent's id. */
const identityOf = (file: string) => {
  const folder = basename(dirname(resolve(file)))
  const name = basename(file, extname(file))
  return {
    agentId: `swe-${idPart(name)}-${hash('sha256', `${folder}/${name}`).slice(0, 8)}`,
    task: name.slice(0, 256),
    recording: folder.slice(0, 63),
  }
}

export const sweAgentRun = (
  file: string,
  { trajectory, info, environment }: z.infer<typeof SweAgentFile>,
): RecordedRun => {
  const { agentId, task, recording } = identityOf(file)
  const steps = trajectory.map(({ action, observation, execution_time: seconds }): Step => ({
    ...stepOf(action, observation),
    ...(typeof seconds === 'number' ? { durationMs: seconds * 1000 } : {}),
  }))
  const { instance_cost: costUsd, tokens_sent: tokensIn, tokens_received: tokensOut } = info.model_stats ?? {}
  const last = steps.at(-1)
  // Tokens are recorded for the run as a whole; said with the last step, they add up to the recorded total.
  if (last && tokensIn) Object.assign(last, { tokensIn })
  if (last && tokensOut) Object.assign(last, { tokensOut })
  const status = info.exit_status ?? 'not recorded'
  return {
    agentId,
    started: {
      kind: 'swe-agent',
      task,
      labels: { recording, ...(environment ? { environment: environment.slice(0, 63) } : {}) },
    },
    steps,
    finished: {
      // Submitted is not solved: whether its tests passed is not in the file.
      ...(status === 'submitted'
        ? { outcome: 'completed' }
        : { outcome: 'failure', reason: `exit status: ${status}`.slice(0, 512) }),
      ...(costUsd ? { costUsd } : {}),
    },
  }
}

const bytesOf = (content: z.infer<typeof Message>['content']) =>
  Buffer.byteLength(typeof content === 'string' ? content : JSON.stringify(content))

export const sweAgentHistoryRun = (file: string, { history }: z.infer<typeof SweAgentHistory>): RecordedRun => {
  const { agentId, task, recording } = identityOf(file)
  const steps: Step[] = []
  for (const { role, action, content, is_demo: isDemo } of history) {
    if (isDemo) continue
    const last = steps.at(-1)
    if (role === 'assistant') steps.push(stepOf(action, undefined))
    // What follows an action is its observation; what precedes the first is the task.
    else if (last) last.observationBytes = (last.observationBytes ?? 0) + bytesOf(content)
  }
  return {
    agentId,
    started: { kind: 'swe-agent', task, labels: { recording } },
    steps,
    finished: { outcome: 'completed', reason: 'the recording has no exit status' },
  }
}
