import { describe, expect, it } from 'vitest'
import { formatTraceparent, parseTraceparent } from './trace-context.ts'

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
const spanId = '00f067aa0ba902b7'

describe('a traceparent', () => {
  it('names trace, span and flags', () => {
    const parsed = parseTraceparent(`00-${traceId}-${spanId}-01`)
    expect(parsed).toEqual({ traceId, parentSpanId: spanId, flags: '01' })
    expect(parsed && formatTraceparent(parsed, 'b7ad6b7169203331')).toBe(`00-${traceId}-b7ad6b7169203331-01`)
  })

  it('of a later version may have more', () => {
    expect(parseTraceparent(`01-${traceId}-${spanId}-01-more`)?.traceId).toBe(traceId)
  })

  it.each([
    ['nothing', ''],
    ['upper case', `00-${traceId.toUpperCase()}-${spanId}-01`],
    ['a forbidden version', `ff-${traceId}-${spanId}-01`],
    ['more than its version has', `00-${traceId}-${spanId}-01-more`],
    ['no trace', `00-${'0'.repeat(32)}-${spanId}-01`],
    ['no span', `00-${traceId}-${'0'.repeat(16)}-01`],
  ])('with %s is none', (_what, header) => {
    expect(parseTraceparent(header)).toBeUndefined()
  })
})
