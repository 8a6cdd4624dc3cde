import { voicesOf } from '@infinity-matrix/core/fleet'
import { once, type Context } from '../runtime/context.ts'
import { createLeases } from '../runtime/lease.ts'
import { each, onEvent } from '../runtime/on-event.ts'
import { createPulseWindow } from './cells/pulse-window.ts'
import { createCellStore } from './cells/store.ts'

const pulseWindow = once((context: Context) => {
  const store = createCellStore(context.firestore, createLeases(context))
  return createPulseWindow({ save: (pulses) => store.addPulses(pulses, context.nowMs()) })
})

/** Notes who was heard, together with all other heartbeats that the instance holds; agents' documents are not touched. */
export const onHeartbeat = onEvent('fleet-onHeartbeat', {
  accepts: ({ type }) => type === 'agent.heartbeat.v1',
  // Deliveries wait for each other: see `createPulseWindow`.
  options: { maxInstances: 24, concurrency: 500, memory: '1GiB', cpu: 1, timeoutSeconds: 60 },
  handle: each(async ({ event, publishedAt }, context) => {
    if (event.type === 'agent.heartbeat.v1') await pulseWindow(context).submit(voicesOf(event, Date.parse(publishedAt)))
  }),
})
