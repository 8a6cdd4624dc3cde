import { onSchedule, type ScheduleOptions } from 'firebase-functions/scheduler'
import { context, type Context } from './context.ts'
import { tellCriticalError } from './critical-errors.ts'
import { functionName } from './params.ts'

type TickOptions = Omit<ScheduleOptions, 'retryConfig'> & { maxInstances: number }

/**
 * A function that runs on a schedule. A tick may be missed, late or doubled: what it does is decided by what stands in
 * Firestore, and a tick that fails is made up for by the next one. That it failed is a critical error all the same.
 */
export const onTick = (options: TickOptions, handle: (context: Context) => Promise<void>) =>
  onSchedule(options, async () => {
    const shared = await context()
    try {
      await handle(shared)
    } catch (error) {
      await tellCriticalError(shared, `functions/${functionName()}`, 'tick-failed', error)
      throw error
    }
  })
