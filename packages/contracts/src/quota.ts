import { z } from 'zod'
import { fields } from './data-class.ts'
import { Instant } from './when.ts'

/**
 * `quotas/{hash of who and what}`: what instances have taken of a quota in the window of time that ends then. They spend
 * what they took by themselves.
 */
export const QuotaDocument = z.object(fields.internal({ taken: z.int(), endsAt: Instant }))
export type QuotaDocument = z.infer<typeof QuotaDocument>
