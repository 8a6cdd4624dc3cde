/** Where a request belongs, by W3C trace context. Ids are lower-case hex: 32 digits for a trace, 16 for a span. */
export interface TraceContext {
  traceId: string
  /** The caller's span; null for who begins a trace. */
  parentSpanId: string | null
  flags: string
}

const form = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

/**
 * Reads a `traceparent`. One of a later version is read as far as this version goes, and may have more at its end.
 *
 * @returns undefined for what is none: its receiver begins a trace of its own
 * @see https://www.w3.org/TR/trace-context/#traceparent-header
 */
export const parseTraceparent = (header: string): TraceContext | undefined => {
  const [, version, traceId = '', parentSpanId = '', flags = '', more] = form.exec(header) ?? []
  const isKnown = version !== undefined && version !== 'ff' && (version !== '00' || more === undefined)
  if (!isKnown || /^0+$/.test(traceId) || /^0+$/.test(parentSpanId)) return undefined
  return { traceId, parentSpanId, flags }
}

export const formatTraceparent = ({ traceId, flags }: TraceContext, spanId: string): string =>
  `00-${traceId}-${spanId}-${flags}`
