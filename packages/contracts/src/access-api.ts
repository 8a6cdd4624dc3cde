import { z } from 'zod'
import { GrantableRole, RoleTenant } from './access.ts'
import { fields } from './data-class.ts'
import { Instant } from './when.ts'

// What `access-api` takes and answers of members.

const uidRule = 'must be the id of an account, of 1 to 128 characters'
const uid = z.string({ error: uidRule }).regex(/^[A-Za-z0-9_-]{1,128}$/, { error: uidRule })
const emailRule = 'must be an e-mail address of at most 256 characters'

/** `POST /v1/members`: gives an account a role. The account is there already, and is named by its id or its address. */
export const MemberGrant = z
  .strictObject({
    ...fields.internal({ tenant: RoleTenant, role: GrantableRole, uid: uid.optional() }),
    ...fields.confidential({ email: z.email({ error: emailRule }).max(256, { error: emailRule }).optional() }),
  })
  .refine(({ uid: id, email }) => (id === undefined) !== (email === undefined), {
    error: 'must have either uid or email',
    path: ['uid'],
  })
export type MemberGrant = z.infer<typeof MemberGrant>

export const MemberView = z.object(
  fields.internal({ uid: z.string(), tenant: z.string(), role: GrantableRole, changedAt: Instant }),
)
export type MemberView = z.infer<typeof MemberView>
export const MemberList = z.object(fields.internal({ members: z.array(MemberView) }))
