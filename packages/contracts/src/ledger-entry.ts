import { z } from 'zod'
import { fields } from './data-class.ts'
import { Instant } from './when.ts'

/** What is recorded. `events-folded` is one entry for all events of a commit. */
export const ledgerKinds = [
  'authentication',
  'authorisation',
  'data-access',
  'change',
  'api-call',
  'error',
  'automation',
  'events-folded',
] as const

export const actorKinds = ['person', 'service', 'agent', 'control-plane', 'anonymous'] as const

/** SHA-256 in base64url without padding. */
export const Digest = z.string().regex(/^[A-Za-z0-9_-]{43}$/, { error: 'must be 32 bytes in base64url' })

/**
 * One entry of the ledger: who did what to what, and what came of it. It holds no personal data: a person is the opaque
 * id of an account, and what else is personal is a commitment, SHA-256 of a salt of 32 bytes and the value, whose salt
 * and value are kept apart (`ledgerDisclosures`) and can be erased.
 *
 * A leaf of the log is its canonical JSON (RFC 8785) in UTF-8.
 */
export const LedgerEntry = z.strictObject(
  fields.internal({
    version: z.literal(1),
    /** UUIDv7: an entry stands in the log once. */
    id: z.uuidv7(),
    time: Instant,
    kind: z.enum(ledgerKinds),
    /** What was done, in the past tense, such as `key-rotated`. */
    action: z.string().regex(/^[a-z]+(?:-[a-z]+)*$/),
    actor: z.strictObject(fields.internal({ kind: z.enum(actorKinds), id: z.string().max(128) })),
    /** `*` for what concerns no single tenant. */
    tenant: z.string().max(63),
    /** What it was done to: a path, such as `agents/a-1`. */
    subject: z.string().max(300),
    outcome: z.enum(['done', 'allowed', 'denied', 'failed']),
    /** The rule or the code that decided, where there is one. */
    reason: z.string().max(200).nullable(),
    /** Trace id of W3C trace context, 32 hex digits. */
    trace: z
      .string()
      .regex(/^[0-9a-f]{32}$/)
      .nullable(),
    /** What else is to be told: names, numbers, hashes. Never personal data, and nothing confidential. */
    details: z.record(z.string(), z.union([z.string().max(300), z.number(), z.boolean(), z.null()])),
    /** By the field that they stand for. */
    commitments: z.record(z.string(), Digest),
  }),
)
export type LedgerEntry = z.infer<typeof LedgerEntry>

/** An entry's canonical JSON has at most this many bytes, so that a bundle of 256 fits a document. */
export const ledgerEntryBytesMax = 3072

/**
 * `ledgerIntake/{shard}-{uuid}`: entries that are appended and not yet sealed, written in the transaction of what they
 * tell. The sealer takes the document away in the commit that seals them.
 */
export const LedgerIntake = z.object(
  fields.internal({
    appendedAt: Instant,
    /** Canonical JSON, one or more. */
    entries: z.array(z.string()),
  }),
)
export type LedgerIntake = z.infer<typeof LedgerIntake>

/** First digits of an intake document's id, drawn by chance: writers meet nowhere. */
export const ledgerIntakeShards = 256
