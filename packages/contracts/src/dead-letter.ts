import { z } from 'zod'
import { fields } from './data-class.ts'
import { Instant } from './when.ts'
import { problemCodes } from './problem.ts'

/**
 * What is done about a dead letter. `replaying`: its bytes, or those that correct it, are being published; a worker that
 * died leaves it so. `replayed` and `fixed`: they were published, and did not come back. `by`: the replay that did it.
 */
export const DeadLetterLife = z.discriminatedUnion('status', [
  z.object(fields.internal({ status: z.literal('open') })),
  z.object(
    fields.internal({
      status: z.literal('replaying'),
      since: Instant,
      corrected: z.boolean(),
      by: z.string().nullable(),
    }),
  ),
  z.object(fields.internal({ status: z.literal('replayed'), at: Instant, by: z.string().nullable() })),
  z.object(fields.internal({ status: z.literal('fixed'), at: Instant })),
  z.object({
    ...fields.internal({ status: z.literal('discarded'), at: Instant }),
    ...fields.confidential({ reason: z.string() }),
  }),
])
export type DeadLetterLife = z.infer<typeof DeadLetterLife>
export type DeadLetterStatus = DeadLetterLife['status']
export const deadLetterStatuses = [
  'open',
  'replaying',
  'replayed',
  'fixed',
  'discarded',
] as const satisfies DeadLetterStatus[]

/** Letters stand in so many ranges of the index on `deadAt`, since Firestore takes 500 writes/s at the end of one. */
export const deadLetterShards = 8

/**
 * The letter of one of a message's events, or of an event and a subscription. Pub/Sub's ids count up, and so do events', and
 * documents that follow each other stand in one hot spot: turned around, they are spread over all there are.
 */
export const deadLetterIdOf = (id: string, of: number | string): string =>
  `${Array.from(id).toReversed().join('')}-${of}`

/** What names a letter, or a replay, in a path. */
export const deadLetterName = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,255}$/

/** The attribute of a message by which a letter that is replayed is known again, should it die again. */
export const deadLetterAttribute = 'deadLetterId'

const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array)

/** `deadLetters/{id}`: an input that was refused, with its reason and its original bytes. */
export const DeadLetterDocument = z.object({
  ...fields.internal({
    code: z.enum(problemCodes),
    field: z.string(),
    rule: z.string(),
    /** Where it is published when it is replayed; `subscriber.{subscription}` goes to that subscription's target. */
    topic: z.string(),
    /** `problem` in one line, for people. */
    message: z.string(),
    /** As far as it could be read from the input. */
    subject: z.string().nullable(),
    tenant: z.string().nullable(),
    messageId: z.string(),
    publishedAt: Instant,
    deadAt: Instant,
    shard: z.int(),
    partCount: z.int(),
    /** SHA-256 of the original bytes, in hex: so the same input is known again. */
    digest: z.string(),
    life: DeadLetterLife,
    /** How often it, or what corrects it, was published again. */
    attempts: z.int(),
  }),
  ...fields.confidential({
    /** A list, because Firestore refuses some names as keys of a map. */
    attributes: z.array(z.object({ name: z.string(), value: z.string() })),
    /** The message to publish again; null when it is cut into `parts/{0, 1, ...}`. */
    original: bytes.nullable(),
  }),
})
export type DeadLetterDocument = z.infer<typeof DeadLetterDocument>

/** `deadLetters/{id}/parts/{0, 1, ...}`, and `parts/correction`: what was published in a letter's place. */
export const DeadLetterPart = z.object(fields.confidential({ bytes }))

/** Which letters are meant: those that have all of these. Times are of death: from `from` on, before `until`. */
export const DeadLetterFilter = z.strictObject(
  fields.internal({
    topic: z.string().max(255, { error: 'must be at most 255 characters' }).optional(),
    code: z.enum(problemCodes, { error: `must be one of ${problemCodes.join(', ')}` }).optional(),
    tenant: z.string().max(63, { error: 'must be at most 63 characters' }).optional(),
    agent: z.string().max(128, { error: 'must be at most 128 characters' }).optional(),
    from: z.iso.datetime({ offset: true, error: 'must be an RFC 3339 date and time' }).optional(),
    until: z.iso.datetime({ offset: true, error: 'must be an RFC 3339 date and time' }).optional(),
  }),
)
export type DeadLetterFilter = z.infer<typeof DeadLetterFilter>

const rateRule = 'must be a whole number from 1 to 1000'

/** Asks for the replay of many letters. `ratePerSecond`: so many are published at most. */
export const DeadLetterReplayRequest = z.strictObject(
  fields.internal({
    filter: DeadLetterFilter,
    ratePerSecond: z.int({ error: rateRule }).min(1, { error: rateRule }).max(1000, { error: rateRule }).default(100),
  }),
)
export type DeadLetterReplayRequest = z.infer<typeof DeadLetterReplayRequest>

export const DeadLetterReplayState = z.discriminatedUnion('status', [
  z.object(fields.internal({ status: z.literal('running') })),
  z.object(fields.internal({ status: z.literal('completed'), at: Instant })),
  z.object(fields.internal({ status: z.literal('aborted'), at: Instant })),
])

/** `deadLetterReplays/{id}`: a replay of many letters, and how far it is. It goes from the youngest letter to the oldest. */
export const DeadLetterReplay = z.object({
  ...fields.internal({
    id: z.string(),
    state: DeadLetterReplayState,
    /** Letters that the filter matched when it began. */
    total: z.int(),
    replayed: z.int(),
    /** Letters that were not open: somebody has seen to them already. */
    skipped: z.int(),
    /** The last letter that is done; null before the first. */
    position: z.object(fields.internal({ deadAt: Instant, id: z.string() })).nullable(),
    /** Letters that died later are not of this replay: so one that dies again does not keep it going. */
    createdAt: Instant,
    updatedAt: Instant,
  }),
  ...DeadLetterReplayRequest.shape,
})
export type DeadLetterReplay = z.infer<typeof DeadLetterReplay>
