import { AsyncLocalStorage } from 'node:async_hooks'
import type { LedgerEntry } from '@infinity-matrix/contracts'
import { once } from './context.ts'
import { functionName } from './params.ts'

/** On whose behalf something is done, and in which trace. */
export type Origin = Pick<LedgerEntry, 'actor' | 'trace'>

const origins = once(() => new AsyncLocalStorage<Origin>())

/** Does something on behalf of somebody: what is recorded within it says so. */
export const actingFor = <T>(origin: Origin, work: () => T): T => origins(undefined).run(origin, work)

/** On whose behalf this is done: the control plane's own, as the function that this instance runs, unless it is said. */
export const originOf = (): Origin =>
  origins(undefined).getStore() ?? { actor: { kind: 'control-plane', id: functionName() }, trace: null }
