import type { CriticalError } from '@infinity-matrix/contracts'
import { countingUuid, testNowMs } from '@infinity-matrix/testing'
import { expect, it } from 'vitest'
import { alertKey, raise, tellAgainMinutes } from './alert.ts'

const failed = (count: number, minutes = 0, message = `failure ${count}`): CriticalError => ({
  specversion: '1.0',
  id: countingUuid(testNowMs, count),
  source: '//control-plane/runtime',
  type: 'control-plane.failed.v1',
  subject: 'functions/fleet-sweepGaps',
  time: new Date(testNowMs + minutes * 60_000).toISOString(),
  data: { code: 'tick-failed', message },
})
/** The alert after errors, and how often it was news. */
const after = (...errors: CriticalError[]) =>
  errors.reduce<{ alert: ReturnType<typeof raise>; news: number }>(
    ({ alert, news }, error) => {
      const raised = raise(alert?.alert, error)
      return { alert: raised ?? alert, news: news + (raised?.isNews ? 1 : 0) }
    },
    { alert: undefined, news: 0 },
  )

it('errors that fail in one way are one alert, told once', () => {
  const { alert, news } = after(failed(1), failed(2, 1), failed(3, 2))
  expect(news).toBe(1)
  expect(alert?.alert).toMatchObject({
    count: 3,
    message: 'failure 3',
    firstAt: failed(1).time,
    lastAt: failed(3, 2).time,
  })
  expect(alertKey(failed(1))).toBe(alertKey(failed(2, 9, 'in other words')))
})

it('one that goes on is told again after an hour', () => {
  expect(after(failed(1), failed(2, tellAgainMinutes - 1), failed(3, tellAgainMinutes)).news).toBe(2)
})

it('an error that is delivered again is not counted again', () => {
  expect(after(failed(1), failed(2), failed(1)).alert?.alert.count).toBe(2)
  expect(raise(after(failed(1)).alert?.alert, failed(1))).toBeUndefined()
})

it('an error that comes late does not become the latest', () => {
  const { alert } = after(failed(2, 5), failed(1))
  expect(alert?.alert).toMatchObject({ message: 'failure 2', firstAt: failed(1).time, lastAt: failed(2, 5).time })
})
