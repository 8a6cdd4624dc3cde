import { build } from 'hdr-histogram-js'

export interface LagMs {
  p50: number
  p95: number
  p99: number
}

const longestMs = 3_600_000

/** Collects lags and tells their percentiles, in milliseconds, within 0.1%. */
export const createLag = () => {
  const histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: longestMs,
    numberOfSignificantValueDigits: 3,
  })
  return {
    record: (lagsMs: readonly number[]) => {
      // Two clocks are compared, so a lag may come out below zero.
      for (const lagMs of lagsMs) histogram.recordValue(Math.min(longestMs, Math.max(0, Math.round(lagMs))))
    },
    percentiles: (): LagMs => ({
      p50: histogram.getValueAtPercentile(50),
      p95: histogram.getValueAtPercentile(95),
      p99: histogram.getValueAtPercentile(99),
    }),
  }
}
