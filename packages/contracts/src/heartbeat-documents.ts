import { z } from 'zod'
import { fields } from './data-class.ts'
import { tiers } from './envelope.ts'

/** Bytes as Firestore gives them. */
const Bytes = z.instanceof(Uint8Array)

/** Whose voice it is, and how long its silence may last. */
export const VoiceKind = z.object(
  fields.internal({
    tenant: z.string(),
    region: z.string(),
    tier: z.enum(tiers),
    silenceBoundSeconds: z.number(),
  }),
)
export type VoiceKind = z.infer<typeof VoiceKind>

/** A last will as registered: its JSON, or null when it was withdrawn; `at` in seconds since 1970. */
export const Will = z.object({
  ...fields.internal({ at: z.number() }),
  ...fields.confidential({ json: z.string().nullable() }),
})
export type Will = z.infer<typeof Will>

/**
 * Who is spoken of: the JSON of `roster`. A key is an agent's id, or the id, a space, and one of its capabilities. Wills by
 * place in `keys`.
 */
export const Roster = z.object(
  fields.internal({
    kinds: z.array(VoiceKind),
    keys: z.array(z.string()),
    wills: z.array(z.tuple([z.int(), Will])),
  }),
)
export type Roster = z.infer<typeof Roster>

const roster = {
  ...fields.confidential({
    /** JSON of `Roster`: as a list of strings it would be most of a write's cost. */
    roster: z.string(),
  }),
  ...fields.internal({
    /** Of each key, its place in `kinds`. */
    kindOf: Bytes,
  }),
}

const lastSeen = fields.internal({
  /** Of each key, in seconds since 1970, when it was heard last, and when it said that it leaves (0: it did not). */
  heardAt: Bytes,
  leftAt: Bytes,
})

/**
 * `pulses/{id}`: the heartbeats of one shard's agents that one instance held together. Appended, never changed; gone when
 * the shard's sweeper has brought them into the digests.
 */
export const PulseDocument = z.object({
  ...fields.internal({ shard: z.int() }),
  ...roster,
  ...lastSeen,
})
export type PulseDocument = z.infer<typeof PulseDocument>

/** `cells/{prefix}`: the agents of one cell, at most 2,000 keys, in the order of its digest. */
export const CellDocument = z.object({
  ...fields.internal({ version: z.int() }),
  ...roster,
})
export type CellDocument = z.infer<typeof CellDocument>

/** `digests/{prefix}`: when each agent of a cell was heard last; written once per interval. */
export const DigestDocument = z.object({
  ...fields.internal({
    /** Of the cell's document whose keys it follows. */
    version: z.int(),
    /** All heartbeats that were known then are in it. Seconds since 1970. */
    at: z.number(),
    /** Of each key, which silence of it was told: when it had been heard, and the time of the news; 0 when none is. */
    toldHeardAt: Bytes,
    toldAt: Bytes,
  }),
  ...lastSeen,
})
export type DigestDocument = z.infer<typeof DigestDocument>

/** On `fleet.sweeps`: watch every shard whose number divided by `of` leaves `sweeper`, through the minute of `atMs`. */
export const SweepOrder = z.object(fields.internal({ sweeper: z.int().min(0), of: z.int().min(1), atMs: z.number() }))
export type SweepOrder = z.infer<typeof SweepOrder>
