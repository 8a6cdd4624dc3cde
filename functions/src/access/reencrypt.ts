import { messageOf } from '../runtime/failure.ts'
import { log } from '../runtime/log.ts'
import { onTick } from '../runtime/on-tick.ts'
import { openReencryptions } from './keys/reencryptions.ts'

const workSeconds = 45

/** Goes on with what is to be sealed anew. */
export const reencrypt = onTick(
  'access-reencrypt',
  { maxInstances: 1, timeoutSeconds: 55, memory: '256MiB' },
  async (context) => {
    const reencryptions = openReencryptions(context)
    const tenants = await reencryptions.running()
    const settled = await Promise.allSettled(tenants.map((tenant) => reencryptions.work(tenant, workSeconds)))
    for (const result of settled)
      if (result.status === 'rejected')
        log.error('re-encryption failed, to be gone on with', { error: messageOf(result.reason) })
  },
)
