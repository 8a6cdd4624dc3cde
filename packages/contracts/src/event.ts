import type { z } from 'zod'
import { AgentId, Envelope } from './envelope.ts'
import { observations, reports, upcasts } from './event-types.ts'
import type { Problem } from './problem.ts'

type Header = Omit<Envelope, 'data' | 'type' | 'sequence'> & { agentId: AgentId }

/** What an agent says of itself: applied in the order of `sequence`. */
export type AgentReport = {
  [Type in keyof typeof reports]: Header & { type: Type; sequence: number; data: z.infer<(typeof reports)[Type]> }
}[keyof typeof reports]

/** What is noticed about an agent: the newest by `time` wins. */
export type AgentObservation = {
  [Type in keyof typeof observations]: Header & { type: Type; data: z.infer<(typeof observations)[Type]> }
}[keyof typeof observations]

export type AgentEvent = AgentReport | AgentObservation

export const isReport = (event: AgentEvent): event is AgentReport => 'sequence' in event

export type Parsed<T> = { ok: true; value: T } | { ok: false; problem: Problem }

/** An agent's clock may run this far ahead of ours. */
export const clockSkewMinutesMax = 5
/** An event older than this is history: it is replayed into the archive, not folded into state. */
export const eventAgeDaysMax = 30

const refuse = (code: Problem['code'], field: string, rule: string): { ok: false; problem: Problem } => ({
  ok: false,
  problem: { code, field, rule },
})

const parseWith = <T>(schema: z.ZodType<T>, input: unknown, code: Problem['code'], prefix: string): Parsed<T> => {
  const result = schema.safeParse(input)
  if (result.success) return { ok: true, value: result.data }
  // The first issue is enough to act on; the rest often follow from it.
  const issue = result.error.issues[0]
  const path = [...(prefix === '' ? [] : [prefix]), ...(issue?.path ?? [])].join('.')
  return refuse(code, path, issue?.message ?? 'is not valid')
}

const familyOf = (type: string) => type.slice(0, type.lastIndexOf('.v'))
const knownTypes: Readonly<Record<string, z.ZodType>> = { ...reports, ...observations }
const knownFamilies = new Set([...Object.keys(knownTypes), ...Object.keys(upcasts)].map(familyOf))

const currentVersion = (type: string, data: unknown): Parsed<{ type: string; data: unknown }> => {
  if (!Object.hasOwn(upcasts, type)) return { ok: true, value: { type, data } }
  const upcast = upcasts[type]
  if (!upcast) return refuse('unknown-version', 'type', `${type} is not known`)
  const old = parseWith(upcast.schema, data, 'bad-data', 'data')
  return old.ok ? currentVersion(upcast.to, upcast.data(old.value)) : old
}

/**
 * One event from its parsed JSON: envelope, type and version, then the data of that type. Old versions come out as the
 * current one.
 *
 * @param nowMs the receiver's clock, in milliseconds since 1970
 */
export const parseEvent = (input: unknown, nowMs: number): Parsed<AgentEvent> => {
  const envelope = parseWith(Envelope, input, 'bad-envelope', '')
  if (!envelope.ok) return envelope
  const { data: rawData, type: rawType, sequence, ...header } = envelope.value

  if (!knownFamilies.has(familyOf(rawType)))
    return refuse('unknown-type', 'type', `${rawType} is not an event of the control plane`)
  const current = currentVersion(rawType, rawData)
  if (!current.ok) return current
  const { type } = current.value
  const schema = Object.hasOwn(knownTypes, type) ? knownTypes[type] : undefined
  if (!schema) return refuse('unknown-version', 'type', `${rawType} is not a version this control plane knows`)

  const fromControlPlane = header.source.startsWith('//control-plane/')
  const agentId = AgentId.parse(header.subject.slice('agents/'.length))
  if (!fromControlPlane && header.source !== `//${header.subject}`)
    return refuse('bad-envelope', 'source', `must name the same agent as subject, //${header.subject}`)
  const isReportType = Object.hasOwn(reports, type)
  if (isReportType && fromControlPlane)
    return refuse('bad-envelope', 'source', `must be //agents/{agentId} for ${type}`)
  if (isReportType && sequence === undefined) return refuse('bad-envelope', 'sequence', `is required for ${type}`)
  if (!isReportType && sequence !== undefined) return refuse('bad-envelope', 'sequence', `must be absent for ${type}`)

  const ageMs = nowMs - Date.parse(header.time)
  if (ageMs > eventAgeDaysMax * 86_400_000)
    return refuse('too-old', 'time', `must be at most ${eventAgeDaysMax} days ago`)
  if (ageMs < -clockSkewMinutesMax * 60_000)
    return refuse(
      'bad-envelope',
      'time',
      `must be at most ${clockSkewMinutesMax} minutes ahead of the control plane's clock`,
    )

  const data = parseWith(schema, current.value.data, 'bad-data', 'data')
  if (!data.ok) return data
  // The lookup above ties `type` to the schema of its data, which the compiler cannot follow through a string key.
  const event = { ...header, agentId, type, ...(sequence === undefined ? {} : { sequence }), data: data.value }
  return { ok: true, value: event as AgentEvent }
}
