import { onTick } from '../runtime/on-tick.ts'
import { sealerOf } from './instance.ts'

const awakeMsMax = 50_000

/** Seals what is there without anybody having been woken for it: whoever appended it died, or the sealer did. */
export const sealTick = onTick(
  'ledger-sealTick',
  { maxInstances: 1, timeoutSeconds: 120, memory: '512MiB' },
  async (context) => {
    const sealer = sealerOf(context)
    if (await sealer.isBehind()) await sealer.wake(context.nowMs() + awakeMsMax, { isPatient: true })
  },
)
