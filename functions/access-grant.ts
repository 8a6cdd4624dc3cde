// `npm run access:grant -- --email ada@example.com --tenant '*' --role admin`: for operators, with Google's own credentials or
// beside the Auth emulator. So the first admin comes about, whom nobody can have invited.
import { parseArgs } from 'node:util'
import { GrantableRole, RoleTenant } from '@infinity-matrix/contracts'
import { openAccounts } from './src/access/members/accounts.ts'
import { createMembers } from './src/access/members/members.ts'
import { actingFor } from './src/runtime/acting.ts'
import { context } from './src/runtime/context.ts'

const option = { type: 'string' } as const
const { values } = parseArgs({ options: { email: option, uid: option, tenant: option, role: option } })
const [tenant, role] = [RoleTenant.parse(values.tenant ?? '*'), GrantableRole.parse(values.role ?? 'admin')]

const { email } = values
const accounts = await openAccounts(undefined)
const shared = await context()
const members = createMembers(shared, accounts)
const operator = { actor: { kind: 'person', id: 'operator' }, trace: null } as const
const { uid, decision } = await actingFor(operator, async () => {
  const found = email === undefined ? values.uid : await members.lookUp(email, tenant)
  if (found === undefined || !(await accounts.exists(found)))
    throw new Error('--email or --uid must be of an account: its owner makes it by signing in')
  return { uid: found, decision: await members.grant({ uid: found, email }, tenant, role, { mayLeaveEmpty: true }) }
})
if (decision.kind === 'refused') throw new Error(`The account ${decision.rule}.`)
process.stdout.write(`${uid} is ${role} in ${tenant}\n`)
await Promise.all([shared.firestore.terminate(), shared.pubsub.close(), shared.batches.close()])
