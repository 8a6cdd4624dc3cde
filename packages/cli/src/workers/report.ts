import type { StatusChanged, StepTaken } from '@infinity-matrix/contracts'
import type { z } from 'zod'

/** Tells the runner of one step, by a line on standard output. */
export const step = (data: z.infer<typeof StepTaken>): void => console.log(`::step ${JSON.stringify(data)}`)

/** Tells the runner of a change of status. */
export const status = (data: z.infer<typeof StatusChanged>): void => console.log(`::status ${JSON.stringify(data)}`)

/** Runs a piece of work, and tells of it as a step with this tool. */
export const act = async <T>(tool: string, work: () => T | Promise<T>): Promise<T> => {
  const startedAt = performance.now()
  const result = await work()
  step({ step: 'acted', tool, durationMs: performance.now() - startedAt })
  return result
}
