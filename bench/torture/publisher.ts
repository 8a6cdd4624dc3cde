import { setTimeout as delay } from 'node:timers/promises'
import type { Topic } from '@google-cloud/pubsub'
import type { Platform } from '../platform/platform.ts'
import type { OutgoingMessage } from './messages.ts'

/** Publishes, and knows what of it every function on its topic has acknowledged. */
export interface Publisher {
  /** Waits until there is room for another message under way. */
  publish: (message: OutgoingMessage) => Promise<void>
  /** Of all that was published. */
  readonly published: number
  readonly acknowledged: number
}

// So many messages are under way at once. What is delivered again comes after all that waits, so that with more of them
// it would come when its agents have nothing left to say.
const underWayMax = 300
const pauseMs = 25

export const createPublisher = (platform: Platform): Publisher => {
  const publishers = new Map<string, Topic>()
  const publisherOf = (name: string) => {
    const topic =
      publishers.get(name) ?? platform.pubsub.topic(name, { batching: { maxMessages: 50, maxMilliseconds: 2 } })
    publishers.set(name, topic)
    return topic
  }
  const logsOf = (topic: string) =>
    platform.functions.flatMap(({ id, trigger }) => {
      const log = trigger.kind === 'topic' && trigger.topic === topic ? platform.deliveries.get(id) : undefined
      return log ? [log] : []
    })
  let published = 0
  let underWay: { topic: string; messageId: Promise<string>; isSettled: () => boolean }[] = []
  const settle = () => {
    underWay = underWay.filter(({ isSettled }) => !isSettled())
  }

  return {
    async publish({ topic, data }) {
      while (underWay.length >= underWayMax) {
        await delay(pauseMs)
        settle()
      }
      let known: string | undefined
      const messageId = publisherOf(topic).publishMessage({ data })
      void messageId.then((id) => (known = id))
      const logs = logsOf(topic)
      underWay.push({
        topic,
        messageId,
        isSettled: () => known !== undefined && logs.every((log) => log.isAcknowledged(known ?? '')),
      })
      published++
    },
    get published() {
      return published
    },
    get acknowledged() {
      settle()
      return published - underWay.length
    },
  }
}
