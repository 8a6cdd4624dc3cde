import { messageOf } from '../runtime/failure.ts'
import { log } from '../runtime/log.ts'
import { onTick } from '../runtime/on-tick.ts'
import { createErasures } from './retention/erasures.ts'

/** Deletes the data of agents for which that was requested, from every tier; one pass of each erasure that is due. */
export const erase = onTick(
  'events-erase',
  { maxInstances: 1, timeoutSeconds: 540, memory: '512MiB' },
  async (context) => {
    const erasures = createErasures(context)
    for (const { id } of await erasures.due()) {
      try {
        await erasures.work(id)
      } catch (error) {
        log.error('erasure failed, to be gone on with', { erasure: id, error: messageOf(error) })
      }
    }
  },
)
