import { onTick } from '../runtime/on-tick.ts'
import { openReencryptions } from './keys/reencryptions.ts'

/** Data keys that are 90 days old get a new version; a tenant whose fields were stored plain gets its first. */
export const rotateKeys = onTick(
  'access-rotateKeys',
  { maxInstances: 1, timeoutSeconds: 540, memory: '256MiB' },
  async (context) => {
    await openReencryptions(context).rotateDue()
  },
)
