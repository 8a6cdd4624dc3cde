import { z } from 'zod'
import { AgentId, Envelope } from './envelope.ts'
import { fields } from './data-class.ts'
import { LedgerEntry, ledgerKinds } from './ledger-entry.ts'
import { TreeHash } from './ledger-proof.ts'

export const ledgerPageSizeMax = 200
const pageSizeDefault = 50

const wholeNumber = (rule: string) =>
  z
    .string({ error: rule })
    .regex(/^\d{1,15}$/, { error: rule })
    .transform(Number)
const pageSizeRule = `must be a whole number from 1 to ${ledgerPageSizeMax}`
const actorRule = 'must be an actor as kind:id, such as person:u-1'

/** `GET /v1/ledger/entries`: which entries, the newest first. */
export const LedgerEntriesQuery = z.strictObject(
  fields.internal({
    tenant: z.union([Envelope.shape.tenant, z.literal('*')]).optional(),
    kind: z.enum(ledgerKinds, { error: `must be one of ${ledgerKinds.join(', ')}` }).optional(),
    actor: z
      .string()
      .regex(/^[a-z-]+:.{1,128}$/, { error: actorRule })
      .optional(),
    subject: z.string().min(1).max(300).optional(),
    /** Entries before this place in the log: the `next` of a page before. */
    before: wholeNumber('must be the next of a page before').optional(),
    limit: wholeNumber(pageSizeRule)
      .refine((limit) => limit >= 1 && limit <= ledgerPageSizeMax, { error: pageSizeRule })
      .default(pageSizeDefault),
  }),
)
export type LedgerEntriesQuery = z.infer<typeof LedgerEntriesQuery>

export const LedgerEntriesPage = z.object(
  fields.internal({
    entries: z.array(z.object(fields.internal({ index: z.int(), entry: LedgerEntry }))),
    /** Where the next page begins; null at the end. A page may have fewer entries than were asked for. */
    next: z.int().nullable(),
  }),
)
export type LedgerEntriesPage = z.infer<typeof LedgerEntriesPage>

const sizeRule = 'must be a number of entries, at least 1'
const size = wholeNumber(sizeRule).refine((entries) => entries >= 1, { error: sizeRule })

/** `GET /v1/ledger/proofs/consistency`: that the log of `to` entries, which is signed, begins with that of `from`. */
export const ConsistencyQuery = z.strictObject(fields.public({ from: size, to: size.optional() }))
export type ConsistencyQuery = z.infer<typeof ConsistencyQuery>

export const ConsistencyHashes = z.object(fields.public({ from: z.int(), to: z.int(), proof: z.array(TreeHash) }))
export type ConsistencyHashes = z.infer<typeof ConsistencyHashes>

/** `GET /v1/ledger/proofs/inclusion`: of the entry with this id. */
export const InclusionQuery = z.strictObject(
  fields.internal({ entry: z.uuidv7({ error: 'must be the id of an entry, a UUID of version 7' }) }),
)
export type InclusionQuery = z.infer<typeof InclusionQuery>

/** `GET /v1/ledger/proofs/window`: of what an agent has in a commit of the fold, both as the agent's chain names them. */
export const WindowQuery = z.strictObject(
  fields.internal({ window: z.uuid({ error: "must be the window of an agent's chain, a UUID" }), agent: AgentId }),
)
export type WindowQuery = z.infer<typeof WindowQuery>
