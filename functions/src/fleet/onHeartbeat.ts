import { topics } from '@infinity-matrix/contracts'
import { once, type Context } from '../runtime/context.ts'
import { each, onEvent } from '../runtime/on-event.ts'
import { cellsPerRegion } from '../runtime/params.ts'
import { createCellStore } from './cells.ts'

const cells = once(({ firestore }: Context) => createCellStore(firestore, cellsPerRegion.value()))

/** Notes in the agent's cell that it was heard; its own document is not touched. */
export const onHeartbeat = onEvent({
  topic: topics.healthChecks.name,
  accepts: ({ type }) => type === 'agent.heartbeat.v1',
  options: { maxInstances: 8, concurrency: 80, memory: '256MiB', timeoutSeconds: 60 },
  handle: each(async ({ event }, context) => {
    if (event.type === 'agent.heartbeat.v1') await cells(context).hear(event)
  }),
})
