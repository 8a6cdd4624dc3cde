import type { Firestore } from '@google-cloud/firestore'
import type { PubSub, Subscription } from '@google-cloud/pubsub'
import { createStopwatch, type Stopwatch } from './stopwatch.ts'

/** The least that stands between a publish and what others see: one subscriber, one write, one publish of its own. */
export interface Least {
  /** @param key another one each time */
  send: (key: string) => void
  /** Until the listener on the written document has its snapshot. */
  state: Stopwatch
  /** Until a subscriber of what was published after the write has it. */
  subscriber: Stopwatch
  close: () => Promise<void>
}

const atOnce = { batching: { maxMessages: 1 } }

export const startLeast = async (firestore: Firestore, pubsub: PubSub, name: string): Promise<Least> => {
  const [state, subscriber] = [createStopwatch(), createStopwatch()]
  const documents = firestore.collection(name)
  const [[input], [output]] = await Promise.all([pubsub.createTopic(name), pubsub.createTopic(`${name}-after`)])
  const [publisher, after] = [pubsub.topic(input.name, atOnce), pubsub.topic(output.name, atOnce)]
  const listen = async (topic: string, hear: (key: string) => void): Promise<Subscription> => {
    const [subscription] = await pubsub.topic(topic).createSubscription(`${topic.split('/').at(-1)}-sub`)
    subscription.on('message', (message) => {
      hear(message.data.toString('utf8'))
      message.ack()
    })
    return subscription
  }
  const write = async (key: string) => {
    await documents.doc(key).set({ key })
    await after.publishMessage({ data: Buffer.from(key) })
  }
  const subscriptions = [
    await listen(input.name, (key) => void write(key)),
    await listen(output.name, (key) => subscriber.stop(key)),
  ]
  const stopListening = documents.onSnapshot((snapshot) => {
    for (const { doc } of snapshot.docChanges()) state.stop(doc.get('key') as string)
  })
  return {
    send(key) {
      for (const watch of [state, subscriber]) watch.start(key)
      void publisher.publishMessage({ data: Buffer.from(key) })
    },
    state,
    subscriber,
    async close() {
      stopListening()
      await Promise.all(subscriptions.map((subscription) => subscription.close()))
    },
  }
}
