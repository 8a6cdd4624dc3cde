import { anonymous, type FunctionName } from '@infinity-matrix/core/access'
import { platformTenant } from '@infinity-matrix/contracts'
import { actingFor } from './acting.ts'
import { context } from './context.ts'
import { tellCriticalError } from './critical-errors.ts'
import { controlPlaneActor, record } from './ledger.ts'

/** What fired a function. */
export interface Fired {
  /** Whether that is what its row says. */
  isOwn: boolean
  /** As it says of itself. */
  as: Readonly<Record<string, string>>
}

// An entry has room for it, whatever it is.
const lengthMax = 200

/**
 * Does what a function does: in its own name, which stands in whatever it leaves in the ledger, and fired by what its row says.
 *
 * @throws for what was fired by something else, once that is recorded and told of. It is not acknowledged, so nothing is lost
 * should it be the row that is wrong
 */
export const asFunction = <T>(name: FunctionName, { isOwn, as }: Fired, work: () => Promise<T> | T): Promise<T> =>
  actingFor({ actor: controlPlaneActor(name), trace: null }, async () => {
    if (isOwn) return work()
    const refusal = new Error(`${name} was fired by what its row in the policy does not name`)
    const shared = await context()
    const { kind, id } = anonymous
    await record(shared, [
      {
        kind: 'authorisation',
        action: 'function-fired',
        actor: { kind, id },
        tenant: platformTenant,
        subject: `functions/${name}`,
        outcome: 'denied',
        reason: 'not-its-trigger',
        details: Object.fromEntries(Object.entries(as).map(([field, value]) => [field, value.slice(0, lengthMax)])),
      },
    ])
    await tellCriticalError(shared, `functions/${name}`, 'not-its-trigger', refusal)
    throw refusal
  })
