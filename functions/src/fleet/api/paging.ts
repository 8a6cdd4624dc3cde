import { AgentId, pageSizeDefault, pageSizeMax } from '@infinity-matrix/contracts'
import { z } from 'zod'

// A token is opaque to clients, so that what it holds may change.
export const tokenOf = (lastId: string) => Buffer.from(lastId).toString('base64url')

/** The id after which a page begins; undefined for what is no page's token. */
const idOfToken = (token: string): string | undefined => {
  const parsed = AgentId.safeParse(Buffer.from(token, 'base64url').toString('utf8'))
  return parsed.success && tokenOf(parsed.data) === token ? parsed.data : undefined
}

const pageSizeRule = `must be a whole number from 1 to ${pageSizeMax}`

/** Which page of a list: `?pageSize=50&pageToken=...`; `pageToken` comes out as the id after which it begins. */
export const PageQuery = z.object({
  pageSize: z
    .string()
    .regex(/^[1-9]\d{0,8}$/, { error: pageSizeRule })
    .transform(Number)
    .refine((size) => size <= pageSizeMax, { error: pageSizeRule })
    .default(pageSizeDefault),
  pageToken: z
    .string()
    .transform(idOfToken)
    .pipe(z.string({ error: 'must be the nextPageToken of a page before' }))
    .nullable()
    .default(null),
})
