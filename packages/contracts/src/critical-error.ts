import { z } from 'zod'
import { fields } from './data-class.ts'
import type { Parsed } from './event.ts'
import type { Problem } from './problem.ts'
import { Instant, when } from './when.ts'

const text = (lengthMax: number) => {
  const rule = `must be 1 to ${lengthMax} characters`
  return z.string({ error: rule }).min(1, { error: rule }).max(lengthMax, { error: rule })
}
const kebab = z.string().regex(/^[a-z]+(?:-[a-z]+)*$/, { error: 'must be lower-case words with - between them' })

/** An event on `error.critical`: something failed that mends itself late or not at all, and somebody should look. */
export const CriticalError = z.object(
  fields.internal({
    specversion: z.literal('1.0', { error: 'must be "1.0"' }),
    id: z.uuidv7({ error: 'must be a UUID of version 7' }),
    source: z.string().regex(/^\/\/control-plane\/[a-z-]{1,32}$/, { error: 'must be //control-plane/{room}' }),
    type: z.literal('control-plane.failed.v1'),
    /** What failed: `functions/{name}`, `topics/{name}` or `agents/{agentId}`. */
    subject: text(256),
    time: when,
    data: z.object(fields.internal({ code: kebab, message: text(1000) })),
  }),
)
export type CriticalError = z.infer<typeof CriticalError>

const family = 'control-plane.failed.v'

/** A critical error from its JSON text. An unknown version is told from an unknown type, as for agents' events. */
export const parseCriticalError = (json: string): Parsed<CriticalError> => {
  const refuse = (code: Problem['code'], field: string, rule: string): Parsed<CriticalError> => ({
    ok: false,
    problem: { code, field, rule },
  })
  let body: unknown
  try {
    body = JSON.parse(json)
  } catch {
    return refuse('not-json', '', 'must be JSON (RFC 8259)')
  }
  const type = typeof body === 'object' && body !== null && 'type' in body ? String(body.type) : ''
  if (!type.startsWith(family)) return refuse('unknown-type', 'type', `${type.slice(0, 100)} is not a critical error`)
  if (type !== `${family}1`)
    return refuse('unknown-version', 'type', `${type.slice(0, 100)} is not a version this control plane knows`)
  const parsed = CriticalError.safeParse(body)
  if (parsed.success) return { ok: true, value: parsed.data }
  const [issue] = parsed.error.issues
  return refuse('bad-data', (issue?.path ?? []).join('.'), issue?.message ?? 'is not valid')
}

/** `alerts/{id}`: what keeps failing in one way, as one thing to look at. */
export const AlertDocument = z.object(
  fields.internal({
    source: z.string(),
    subject: z.string(),
    code: z.string(),
    /** As it was last told. */
    message: z.string(),
    count: z.int(),
    firstAt: Instant,
    lastAt: Instant,
    /** When people were last told of it. */
    toldAt: Instant,
    /** The latest errors, so that one that is delivered again is not counted again. */
    eventIds: z.array(z.string()),
  }),
)
export type AlertDocument = z.infer<typeof AlertDocument>
