import { z } from 'zod'
import { fields } from './data-class.ts'

/** The writes a second that one instance may make in a key range until its share ends, and what it wanted. */
export const Share = z.object(
  fields.internal({ perSecond: z.number(), wantedPerSecond: z.number(), untilMs: z.number() }),
)
export type Share = z.infer<typeof Share>

/**
 * `keyRanges/{range}`: how far the traffic to a range of keys that Firestore spreads over servers by load has grown, and
 * who may write how much of what it takes now. Times in milliseconds since 1970.
 */
export const KeyRangeDocument = z.object(
  fields.internal({
    /** The highest rate that it carried for a whole period, and when. */
    sustainedPerSecond: z.number(),
    sustainedAtMs: z.number(),
    /** The period that is not over yet. */
    periodStartedAtMs: z.number(),
    periodWrites: z.number(),
    /** By instance. */
    shares: z.record(z.string(), Share),
  }),
)
export type KeyRangeDocument = z.infer<typeof KeyRangeDocument>
