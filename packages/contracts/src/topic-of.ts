import { isReport, type AgentEvent, type AgentObservation } from './event.ts'
import { topics, type TopicName } from './topics.ts'

const topicOfObservation: Readonly<Record<AgentObservation['type'], TopicName>> = {
  'agent.heartbeat.v1': topics.healthChecks.name,
  'agent.went-silent.v1': topics.stateChanges.name,
  'agent.heard-again.v1': topics.stateChanges.name,
  'agent.capability-went-silent.v1': topics.stateChanges.name,
  'agent.capability-heard-again.v1': topics.stateChanges.name,
  'agent.resync-requested.v1': topics.realtimeSync.name,
  'agent.desired-changed.v1': topics.realtimeSync.name,
}

/** The topic on which an event belongs; on any other it is refused as `wrong-topic`. */
export const topicOfEvent = (event: AgentEvent): TopicName =>
  isReport(event) ? topics.stateChanges.name : topicOfObservation[event.type]
