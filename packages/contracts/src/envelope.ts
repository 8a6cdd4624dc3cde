import { z } from 'zod'
import { fields } from './data-class.ts'
import { when } from './when.ts'

const pattern = (expression: RegExp, rule: string) => z.string({ error: rule }).regex(expression, { error: rule })

export const tiers = ['elite', 'mastery', 'standard'] as const

export const AgentId = pattern(
  /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/,
  'must be 1 to 128 letters, digits or ._:- and start with a letter or digit',
).brand<'AgentId'>()
export type AgentId = z.infer<typeof AgentId>

/** A tenant's or a region's name. */
export const Slug = pattern(
  /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/,
  'must be 1 to 63 of a-z, 0-9 or -, not at its ends',
)

/** The largest gap-free count a JSON number carries exactly. */
const sequenceRule = `must be a whole number from 1 to ${Number.MAX_SAFE_INTEGER}`

/**
 * What every event carries, whatever its type: CloudEvents 1.0 in structured JSON with the control plane's extension
 * attributes (`tenant`, `region`, `tier`, `sequence`, `traceparent`). Attributes that are not named here are allowed, as
 * CloudEvents asks, and dropped.
 *
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
 */
export const Envelope = z.object(
  {
    ...fields.internal({
      specversion: z.literal('1.0', { error: 'must be "1.0"' }),
      /** UUIDv7 (RFC 9562), made by the sender: Pub/Sub's own ids change with each delivery. */
      id: z.uuidv7({ error: 'must be a UUID of version 7' }),
      source: pattern(
        /^\/\/(?:agents\/[A-Za-z0-9][A-Za-z0-9._:-]{0,127}|control-plane\/[a-z-]{1,32})$/,
        'must be //agents/{agentId} or //control-plane/{room}',
      ),
      type: pattern(
        /^[a-z]+(?:[.-][a-z]+)*\.v[1-9][0-9]{0,3}$/,
        'must be lower-case words and a version, such as agent.started.v1',
      ),
      subject: pattern(/^agents\/[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/, 'must be agents/{agentId}'),
      time: when,
      datacontenttype: z.literal('application/json', { error: 'must be application/json' }).optional(),
      tenant: Slug,
      region: Slug,
      tier: z.enum(tiers, { error: `must be one of ${tiers.join(', ')}` }),
      /** Per agent, from 1, without holes. Only what an agent reports about itself has one. */
      sequence: z.int({ error: sequenceRule }).min(1, { error: sequenceRule }).optional(),
      /** https://www.w3.org/TR/trace-context/#traceparent-header */
      traceparent: pattern(
        /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/,
        'must be a W3C traceparent of version 00',
      ).optional(),
    }),
    ...fields.confidential({
      data: z.record(z.string(), z.unknown(), { error: 'must be an object' }),
    }),
  },
  { error: 'must be a JSON object' },
)
export type Envelope = z.infer<typeof Envelope>
