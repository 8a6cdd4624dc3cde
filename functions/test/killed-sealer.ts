// A sealer in a process of its own, for src/ledger/kill.test.ts to kill. Its clock is ahead of the machine's by what it is told.
import { setTimeout as delay } from 'node:timers/promises'
import { context } from '../src/runtime/context.ts'
import { sealerOf } from '../src/ledger/instance.ts'

const [holder = '', ahead] = process.argv.slice(2)
let aheadMs = Number(ahead)
process.on('message', (told) => (aheadMs = Number(told)))
process.on('disconnect', () => process.exit())

const awakeMsMax = 60_000
const redeliveredMs = 100

const nowMs = () => Date.now() + aheadMs
const sealer = sealerOf({ ...(await context()), nowMs, newId: () => holder })
process.send?.('ready')
for (;;)
  // What fails is delivered again.
  await sealer.wake(nowMs() + awakeMsMax, { isPatient: true }).catch(() => delay(redeliveredMs))
