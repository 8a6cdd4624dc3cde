import type { z } from 'zod'
import type { RecordedRun } from './run.ts'
import { SweAgentFile, sweAgentHistoryRun, SweAgentHistory, sweAgentRun } from './swe-agent.ts'
import { TauBenchFile, tauBenchRuns } from './tau-bench.ts'

export { eventsOf, type RecordedRun } from './run.ts'

/** A file that is not a recording; the message names the file and what was expected. */
export class RecordingError extends Error {
  readonly code = 'not-a-recording'
}

/**
 * The runs that a file's text records. Told by its shape: a list is tau-bench, an object SWE-agent.
 *
 * @param file its path, which names the agents
 * @throws {RecordingError} when the text is not a recording
 */
export const runsOf = (file: string, text: string): RecordedRun[] => {
  const parsed = <T>(schema: z.ZodType<T>, value: unknown, expected: string): T => {
    const result = schema.safeParse(value)
    if (result.success) return result.data
    const issue = result.error.issues[0]
    const where = issue?.path.join('.') || 'the file'
    throw new RecordingError(`${file}: expected ${expected}, but ${where}: ${issue?.message ?? 'is not valid'}`)
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new RecordingError(`${file}: expected JSON, as tau-bench and SWE-agent write it`)
  }
  if (Array.isArray(value)) return tauBenchRuns(file, parsed(TauBenchFile, value, 'a list of tau-bench runs'))
  if (typeof value === 'object' && value !== null && 'trajectory' in value)
    return [sweAgentRun(file, parsed(SweAgentFile, value, 'a SWE-agent trajectory'))]
  if (typeof value === 'object' && value !== null && 'history' in value)
    return [sweAgentHistoryRun(file, parsed(SweAgentHistory, value, 'a SWE-agent history'))]
  throw new RecordingError(
    `${file}: expected a tau-bench list of runs, or a SWE-agent object with a trajectory or a history`,
  )
}
