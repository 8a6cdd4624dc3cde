import { z } from 'zod'
import { fields } from './data-class.ts'
import { DeadLetterDocument, DeadLetterFilter, deadLetterStatuses } from './dead-letter.ts'

// What `events-api` says of dead letters, to people and programs.

const limitRule = 'must be a whole number from 1 to 200'

/** The query of `GET /v1/dead-letters`. */
export const DeadLetterListQuery = z.strictObject({
  ...DeadLetterFilter.shape,
  ...fields.internal({
    status: z.enum(deadLetterStatuses, { error: `must be one of ${deadLetterStatuses.join(', ')}` }).optional(),
    limit: z.coerce
      .number({ error: limitRule })
      .int({ error: limitRule })
      .min(1, { error: limitRule })
      .max(200, { error: limitRule })
      .default(50),
    /** `next` of the page before. */
    cursor: z.string().max(1000).optional(),
  }),
})

/** A letter without its bytes. */
export const DeadLetterSummary = z.object({
  ...fields.internal({
    id: z.string(),
  }),
  ...DeadLetterDocument.pick({
    topic: true,
    code: true,
    field: true,
    rule: true,
    subject: true,
    tenant: true,
    publishedAt: true,
    deadAt: true,
    life: true,
    attempts: true,
  }).shape,
})
export type DeadLetterSummary = z.infer<typeof DeadLetterSummary>

export const DeadLetterList = z.object(
  fields.internal({ letters: z.array(DeadLetterSummary), next: z.string().nullable() }),
)
export type DeadLetterList = z.infer<typeof DeadLetterList>

/** Where in the text the problem is; line and column count from 1, the offset in UTF-16 units from 0. */
export const TextPosition = z.object(fields.internal({ offset: z.int(), line: z.int(), column: z.int() }))
export type TextPosition = z.infer<typeof TextPosition>

const Bytes = z.object({
  ...fields.internal({
    size: z.int(),
  }),
  ...fields.confidential({
    base64: z.string(),
    /** Null where the bytes are not UTF-8. */
    text: z.string().nullable(),
  }),
})

/** A letter with its bytes. */
export const DeadLetterDetail = z.object({
  ...DeadLetterSummary.shape,
  ...fields.internal({
    messageId: z.string(),
    original: Bytes,
    /** Null where it cannot be told. */
    position: TextPosition.nullable(),
    /** What was published in its place. */
    correction: Bytes.nullable(),
  }),
  ...fields.confidential({
    attributes: z.record(z.string(), z.string()),
  }),
})
export type DeadLetterDetail = z.infer<typeof DeadLetterDetail>

export const DeadLetterGroup = z.object(
  fields.internal({
    topic: z.string(),
    code: z.string(),
    letters: z.int(),
    open: z.int(),
    youngest: DeadLetterSummary.nullable(),
  }),
)
/** How many letters died of one reason on one topic, and the youngest of them. */
export type DeadLetterGroup = z.infer<typeof DeadLetterGroup>

export const DeadLetterGroups = z.object(fields.internal({ groups: z.array(DeadLetterGroup) }))
export type DeadLetterGroups = z.infer<typeof DeadLetterGroups>
