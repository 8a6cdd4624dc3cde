import { onTick } from '../runtime/on-tick.ts'
import { secrets } from '../runtime/secrets.ts'

/** Secrets of ours that are 90 days old get a new version beside the last one; of those that others issue it is told which are. */
export const rotateSecrets = onTick(
  'access-rotateSecrets',
  { maxInstances: 1, timeoutSeconds: 540, memory: '256MiB' },
  (context) => secrets(context).rotateAll(),
)
