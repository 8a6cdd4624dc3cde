import type { z } from 'zod'
import { Envelope, type AgentId } from './envelope.ts'
import { observations, reports, upcasts } from './event-types.ts'
import { exactly } from './exactly.ts'
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

/** An agent's clock may run this far ahead of ours. */
export const clockSkewMinutesMax = 5
/** An event older than this is history: it is replayed into the archive, not folded into state. */
export const eventAgeDaysMax = 30

const refuse = (code: Problem['code'], field: string, rule: string): { ok: false; problem: Problem } => ({
  ok: false,
  problem: { code, field, rule },
})

export type Parsed<T> = { ok: true; value: T } | { ok: false; problem: Problem }
/** `isExact`: the schemas name all that there is in the input. */
type Read<T> = { ok: true; value: T; isExact: boolean } | { ok: false; problem: Problem }

/** A schema behind its guard: only what the guard does not know at sight is parsed. */
const readerOf = <Schema extends z.ZodType>(schema: Schema, code: Problem['code'], prefix: string) => {
  const isExact = exactly(schema)
  return (input: unknown): Read<z.infer<Schema>> => {
    if (isExact(input)) return { ok: true, value: input, isExact: true }
    const result = schema.safeParse(input)
    if (result.success) return { ok: true, value: result.data, isExact: false }
    // The first issue is enough to act on; the rest often follow from it.
    const issue = result.error.issues[0]
    const path = [...(prefix === '' ? [] : [prefix]), ...(issue?.path ?? [])].join('.')
    return refuse(code, path, issue?.message ?? 'is not valid')
  }
}

const readEnvelope = readerOf(Envelope, 'bad-envelope', '')
const oldSchemas = Object.entries(upcasts).map(([type, { schema }]): [string, z.ZodType] => [type, schema])
const dataReaders = new Map(
  [...Object.entries<z.ZodType>({ ...reports, ...observations }), ...oldSchemas].map(([type, schema]) => [
    type,
    readerOf(schema, 'bad-data', 'data'),
  ]),
)
const reportTypes = new Set([...Object.keys(reports), ...Object.keys(upcasts)])
const familyOf = (type: string) => type.slice(0, type.lastIndexOf('.v'))
const knownFamilies = new Set([...dataReaders.keys()].map(familyOf))

/** The data of a known type, and the type, in its current version. */
const readData = (type: string, data: unknown): Read<{ type: string; data: unknown }> => {
  const read = dataReaders.get(type)?.(data)
  if (!read) return refuse('unknown-version', 'type', `${type} is not a version this control plane knows`)
  if (!read.ok) return read
  const upcast = Object.hasOwn(upcasts, type) ? upcasts[type] : undefined
  return upcast
    ? readData(upcast.to, upcast.data(read.value))
    : { ok: true, value: { type, data: read.value }, isExact: read.isExact }
}

/**
 * One event from its parsed JSON: envelope, type and version, then the data of that type. Old versions come out as the
 * current one.
 *
 * @param nowMs the receiver's clock, in milliseconds since 1970
 */
export const parseEvent = (input: unknown, nowMs: number): Read<AgentEvent> => {
  const envelope = readEnvelope(input)
  if (!envelope.ok) return envelope
  const { source, subject, type, sequence, time } = envelope.value
  if (!knownFamilies.has(familyOf(type)))
    return refuse('unknown-type', 'type', `${type} is not an event of the control plane`)
  if (!dataReaders.has(type))
    return refuse('unknown-version', 'type', `${type} is not a version this control plane knows`)

  const fromControlPlane = source.startsWith('//control-plane/')
  if (!fromControlPlane && source.slice(2) !== subject)
    return refuse('bad-envelope', 'source', `must name the same agent as subject, //${subject}`)
  const isReportType = reportTypes.has(type)
  if (isReportType && fromControlPlane)
    return refuse('bad-envelope', 'source', `must be //agents/{agentId} for ${type}`)
  if (isReportType && sequence === undefined) return refuse('bad-envelope', 'sequence', `is required for ${type}`)
  if (!isReportType && sequence !== undefined) return refuse('bad-envelope', 'sequence', `must be absent for ${type}`)

  const ageMs = nowMs - Date.parse(time)
  if (ageMs > eventAgeDaysMax * 86_400_000)
    return refuse('too-old', 'time', `must be at most ${eventAgeDaysMax} days ago`)
  if (ageMs < -clockSkewMinutesMax * 60_000)
    return refuse(
      'bad-envelope',
      'time',
      `must be at most ${clockSkewMinutesMax} minutes ahead of the control plane's clock`,
    )

  const current = readData(type, envelope.value.data)
  if (!current.ok) return current
  // `subject` has an agent's id in it, by its pattern; and the type is tied to its data by the lookup, which the compiler
  // cannot follow through a string key.
  const agentId = subject.slice('agents/'.length)
  const event = { ...envelope.value, agentId, ...current.value } as AgentEvent
  return { ok: true, value: event, isExact: envelope.isExact && current.isExact }
}
