import { basename, extname } from 'node:path'
import { z } from 'zod'
import { idPart, toolName, type RecordedRun, type Step } from './run.ts'

const Message = z.discriminatedUnion('role', [
  z.object({ role: z.enum(['system', 'user', 'tool']), content: z.string() }),
  z.object({
    role: z.literal('assistant'),
    content: z.string().nullish(),
    tool_calls: z.array(z.object({ function: z.object({ name: z.string() }) })).nullish(),
  }),
])

const Run = z.object({
  task_id: z.int(),
  trial: z.int(),
  reward: z.number(),
  traj: z.array(Message),
  info: z.object({ task: z.object({ instruction: z.string() }) }),
})

/**
 * A file of tau-bench's `historical_trajectories`: a list of runs, each one customer's conversation with the agent.
 * `info.user_cost` is what the simulated customer cost, not the agent, so it is left out.
 *
 * @see https://github.com/sierra-research/tau-bench
 */
export const TauBenchFile = z.array(Run).min(1)

const stepsOf = (message: z.infer<typeof Message>): Step[] => {
  switch (message.role) {
    // The instructions are what the agent starts with, not a step it takes.
    case 'system':
      return []
    case 'user':
    case 'tool':
      // The call that a tool answers has named the tool; naming it again would count it twice.
      return [{ step: 'observed', observationBytes: Buffer.byteLength(message.content) }]
    case 'assistant': {
      const calls = message.tool_calls ?? []
      return calls.length === 0
        ? [{ step: 'thought' }]
        : calls.map((call): Step => ({ step: 'acted', tool: toolName(call.function.name) }))
    }
    default:
      return message satisfies never
  }
}

// As tau-bench itself compares rewards.
const isSuccess = (reward: number) => Math.abs(reward - 1) <= 1e-6

/** @param file its path; its name tells the model and the domain, such as `gpt-4o-airline.json` */
export const tauBenchRuns = (file: string, runs: z.infer<typeof TauBenchFile>): RecordedRun[] => {
  const recording = basename(file, extname(file))
  return runs.map(({ task_id: task, trial, reward, traj, info }) => ({
    agentId: `tau-${idPart(recording)}-${String(task).padStart(3, '0')}-t${trial}`,
    started: {
      kind: 'tau-bench',
      task: info.task.instruction.slice(0, 256).toWellFormed(),
      labels: { recording: recording.slice(0, 63), task: String(task), trial: String(trial) },
    },
    steps: traj.flatMap(stepsOf),
    finished: { outcome: isSuccess(reward) ? 'success' : 'failure', reward },
  }))
}
