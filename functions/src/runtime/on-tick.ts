import { functionRow, isJobOf, type FunctionFiredBy } from '@infinity-matrix/core/access'
import { onSchedule, type ScheduleOptions } from 'firebase-functions/scheduler'
import { asFunction } from './as-function.ts'
import { context, type Context } from './context.ts'
import { tellCriticalError } from './critical-errors.ts'

type TickOptions = Omit<ScheduleOptions, 'schedule' | 'retryConfig'> & { maxInstances: number }

/**
 * A function that runs on the schedule of its row. A tick may be missed, late or doubled: what it does is decided by what
 * stands in Firestore, and a tick that fails is made up for by the next one. That it failed is a critical error all the same.
 *
 * @param name as it is deployed
 */
export const onTick = (
  name: FunctionFiredBy<'schedule'>,
  options: TickOptions,
  handle: (context: Context) => Promise<void>,
) => {
  const { schedule } = functionRow(name, 'schedule')
  const tick = async () => {
    const shared = await context()
    try {
      await handle(shared)
    } catch (error) {
      await tellCriticalError(shared, `functions/${name}`, 'tick-failed', error)
      throw error
    }
  }
  const onTime = onSchedule({ ...options, schedule }, ({ jobName: job = '' }) =>
    asFunction(name, { isOwn: isJobOf(name, job), as: { job } }, tick),
  )
  return Object.assign(onTime, { deployedAs: name })
}
