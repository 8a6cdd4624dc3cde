import { z } from 'zod'
import { CountsDocument } from './counts.ts'
import { AlertDocument, CriticalError } from './critical-error.ts'
import { fields } from './data-class.ts'
import { Rollup } from './rollup.ts'

/** What a line of the log may tell beside its message: `redacted` hides whatever is not named here, or is of a class that no log shows. */
export const LogLine = z
  .object({
    ...fields.internal({
      agentId: z.string(),
      alert: z.string(),
      /** By collection and table. */
      deleted: z.record(z.string(), z.number()),
      document: z.string(),
      erasure: z.string(),
      /** As `messageOf` tells it. */
      error: z.string(),
      event: CriticalError,
      failures: z.array(z.string()),
      messageId: z.string(),
      more: z.number(),
      next: z.number(),
      refused: z.number(),
      /** As it is declared, without what a path names. */
      route: z.string(),
      shard: z.number(),
      tenant: z.string(),
      tenants: z.array(Rollup),
      topic: z.string(),
    }),
    ...AlertDocument.omit({ message: true, eventIds: true }).shape,
    ...CountsDocument.shape,
  })
  .partial()
export type LogLine = z.infer<typeof LogLine>
