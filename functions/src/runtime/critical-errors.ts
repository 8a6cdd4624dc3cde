import { platformTenant, topics, type CriticalError } from '@infinity-matrix/contracts'
import { once, type Context } from './context.ts'
import { messageOf } from './failure.ts'
import { record } from './ledger.ts'
import { log } from './log.ts'
import { publish } from './publish.ts'

// What fails in one way again and again is told once a minute by each instance.
const quietSeconds = 60
const remembered = 1000
const toldAtMs = once(() => new Map<string, number>())

/**
 * Tells on `error.critical` that something failed that people should know of. It never throws: whoever calls it has a
 * failure at hand already.
 */
export const tellCriticalError = async (
  context: Context,
  subject: string,
  code: string,
  error: unknown,
): Promise<void> => {
  const nowMs = context.nowMs()
  const told = toldAtMs(undefined)
  const key = `${subject} ${code}`
  if (nowMs - (told.get(key) ?? 0) < quietSeconds * 1000) return
  if (told.size >= remembered) told.clear()
  told.set(key, nowMs)
  const event: CriticalError = {
    specversion: '1.0',
    id: context.newId(),
    source: '//control-plane/runtime',
    type: 'control-plane.failed.v1',
    subject,
    time: new Date(nowMs).toISOString(),
    data: { code, message: messageOf(error) || 'no message' },
  }
  try {
    await record(context, [
      {
        kind: 'error',
        action: 'critical-error-told',
        tenant: platformTenant,
        subject: subject.slice(0, 300),
        outcome: 'failed',
        reason: code.slice(0, 200),
      },
    ])
    await publish(context, topics.criticalErrors.name, { json: event, attributes: { 'ce-type': event.type } })
  } catch (failure) {
    log.error('critical error not told', { event, error: messageOf(failure) })
  }
}
