// Local engines for tests of the room, and the context that functions have.
import { Firestore } from '@google-cloud/firestore'
import { PubSub, type Message } from '@google-cloud/pubsub'
import { topics } from '@infinity-matrix/contracts'
import { testNowMs, waitFor } from '@infinity-matrix/testing'
import { v7 as uuidv7 } from 'uuid'
import { openBatches } from '../runtime/batches.ts'
import type { Context } from '../runtime/context.ts'
import { startLocalEngines } from '../runtime/testing.ts'

/** Engines of a test file's own, with a clock that stands until a test moves it; Firestore's times are by it too. */
export const startEngines = async (projectId: string) => {
  let atMs = testNowMs
  const clock = () => atMs
  const engines = await startLocalEngines(projectId, { clock })
  const [firestore, pubsub] = [new Firestore({ projectId }), new PubSub({ projectId })]
  await Promise.all(Object.values(topics).map(({ name }) => pubsub.createTopic(name)))
  const batches = await openBatches()
  const context: Context = {
    firestore,
    batches,
    pubsub,
    topic: (name) => pubsub.topic(name, { batching: { maxMilliseconds: 1 } }),
    nowMs: clock,
    newId: () => uuidv7(),
  }
  /** What arrives on a topic from now on. */
  const listenTo = async (topicName: string) => {
    const [subscription] = await pubsub.topic(topicName).createSubscription(`test-${uuidv7()}`)
    const texts: string[] = []
    subscription.on('message', (message: Message) => {
      message.ack()
      texts.push(message.data.toString('utf8'))
    })
    return {
      texts,
      next: () => waitFor(`a message on ${topicName}`, () => texts.shift()),
      stop: () => subscription.close(),
    }
  }
  return {
    context,
    listenTo,
    pass: (seconds: number) => {
      atMs += seconds * 1000
    },
    close: async () => {
      await Promise.all([firestore.terminate(), batches.close(), pubsub.close()])
      await engines.close()
    },
  }
}
export type Engines = Awaited<ReturnType<typeof startEngines>>

class DiedError extends Error {}

/**
 * A context whose owner dies at its n-th effect, counted from 0: a transaction, or a message. `before`: nothing of it
 * happens; `after`: it happens, and its owner does not hear of it. The dead do nothing more.
 */
export const mortal = (context: Context, nth: number, when: 'before' | 'after') => {
  let effects = 0
  let isDead = false
  const effect = async <T>(take: () => Promise<T>): Promise<T> => {
    if (isDead) throw new DiedError('it is dead')
    const isLast = effects++ === nth
    if (isLast) isDead = true
    if (isLast && when === 'before') throw new DiedError(`died before effect ${nth}`)
    const result = await take()
    if (isLast) throw new DiedError(`died after effect ${nth}`)
    return result
  }
  const withEffects = <Target extends object>(target: Target, method: keyof Target): Target =>
    new Proxy(target, {
      get: (one, name) => {
        const value: unknown = Reflect.get(one, name, one)
        if (typeof value !== 'function') return value
        const call = value.bind(one) as (...args: unknown[]) => Promise<unknown>
        return name === method ? (...args: unknown[]) => effect(() => call(...args)) : call
      },
    })
  return {
    context: {
      ...context,
      firestore: withEffects(context.firestore, 'runTransaction'),
      topic: (name: string) => withEffects(context.topic(name), 'publishMessage'),
    },
    isDead: () => isDead,
  }
}
