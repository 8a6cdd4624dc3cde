import { topicRetentionDays } from '@infinity-matrix/contracts'
import type { Topic } from '@google-cloud/pubsub'
import type { Context } from './context.ts'
import { isAbsence, isContention } from './failure.ts'

export type OutgoingMessage = Parameters<Topic['publishMessage']>[0]

/** Makes a topic that is not there yet. */
export const ensureTopic = async ({ pubsub }: Context, name: string): Promise<void> => {
  const messageRetentionDuration = { seconds: topicRetentionDays * 86_400 }
  await pubsub.createTopic({ name, messageRetentionDuration }).catch((creation: unknown) => {
    // Another instance made it first.
    if (!isContention(creation)) throw creation
  })
}

/**
 * Publishes one message. A topic that is not there yet (a new project, a fresh suite) is made first, with the retention
 * that every topic of the control plane has.
 */
export const publish = async (context: Context, topicName: string, message: OutgoingMessage): Promise<void> => {
  const topic = context.topic(topicName)
  try {
    await topic.publishMessage(message)
  } catch (error) {
    if (!isAbsence(error)) throw error
    await ensureTopic(context, topicName)
    await topic.publishMessage(message)
  }
}
