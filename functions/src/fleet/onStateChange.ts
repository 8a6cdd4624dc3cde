import { topicOfEvent, topics } from '@infinity-matrix/contracts'
import { onEvent } from '../runtime/on-event.ts'
import { foldWindow } from './fold/agent-fold.ts'

/** The orchestrator: folds what agents report, and what is noticed about them, into `agents/{agentId}`. */
export const onStateChange = onEvent('fleet-onStateChange', {
  accepts: (event) => topicOfEvent(event) === topics.stateChanges.name,
  options: { maxInstances: 8, concurrency: 500, memory: '512MiB', cpu: 1, timeoutSeconds: 60 },
  handle: (delivered, context, bytes) => foldWindow(context).submitAll(delivered, bytes),
})
