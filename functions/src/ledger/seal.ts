import { sealTopic } from '@infinity-matrix/contracts'
import { context } from '../runtime/context.ts'
import { onTopic } from '../runtime/on-topic.ts'
import { publish } from '../runtime/publish.ts'
import { sealerOf } from './instance.ts'

// Then another delivery goes on.
const awakeMsMax = 60_000

/**
 * Seals what is appended. A message says no more than that something is; who comes while this instance is at it only keeps
 * it awake, so that one instance takes the messages of all that append.
 */
export const seal = onTopic(
  'ledger-seal',
  { maxInstances: 1, concurrency: 100, memory: '512MiB', cpu: 1, timeoutSeconds: 120 },
  async () => {
    const shared = await context()
    const ended = await sealerOf(shared).wake(shared.nowMs() + awakeMsMax)
    if (ended === 'unfinished') await publish(shared, sealTopic, { data: Buffer.from('{}') })
  },
)
