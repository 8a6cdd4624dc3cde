import { once, type Context } from '../runtime/context.ts'
import { tellCriticalError } from '../runtime/critical-errors.ts'
import { createLeases } from '../runtime/lease.ts'
import { log } from '../runtime/log.ts'
import { createIntake, somewhereInIntake } from './intake.ts'
import { createSealer } from './sealer.ts'
import { logSigners } from './signers/index.ts'
import { createLogStore } from './store.ts'

/** The sealer of this instance. */
export const sealerOf = once((context: Context) => {
  const { firestore, nowMs, newId } = context
  const leases = createLeases(context)
  return createSealer({
    intake: createIntake(firestore, {
      refuse: async (ref, error) => {
        log.error('what is appended is no entry', { document: ref.path })
        await tellCriticalError(context, ref.path, 'document-unreadable', error)
      },
    }),
    store: createLogStore(firestore, leases),
    leases,
    sign: async (tree) => (await logSigners(undefined)).sign(tree, nowMs()),
    holder: newId(),
    somewhere: () => somewhereInIntake(Math.random()),
    nowMs,
  })
})
