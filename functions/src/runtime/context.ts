import type { Firestore } from '@google-cloud/firestore'
import type { PubSub, Topic } from '@google-cloud/pubsub'
import { v7 as uuidv7 } from 'uuid'
import { openBatches, type Batches } from './batches.ts'

/** What a handler needs from outside: Google's clients, the clock and new ids. */
export interface Context {
  firestore: Firestore
  /** The same documents, many in one request. */
  batches: Batches
  pubsub: PubSub
  /** One publisher per topic, so that what is published together travels together. */
  topic: (name: string) => Topic
  nowMs: () => number
  newId: () => string
}

// A delivery waits for what it publishes; the client's own 10 ms would be most of its time.
const publishDelayMs = 1

// The clients are loaded at the first event of an instance, not at import: the Firebase CLI imports every function to
// discover it, and Firestore's client alone takes 90 ms to evaluate.
const createContext = async (): Promise<Context> => {
  const [{ Firestore }, { PubSub }, batches] = await Promise.all([
    import('@google-cloud/firestore'),
    import('@google-cloud/pubsub'),
    openBatches(),
  ])
  const pubsub = new PubSub()
  const publishers = new Map<string, Topic>()
  const topic = (name: string): Topic => {
    const known = publishers.get(name)
    if (known) return known
    const created = pubsub.topic(name, { batching: { maxMilliseconds: publishDelayMs } })
    publishers.set(name, created)
    return created
  }
  return { firestore: new Firestore(), batches, pubsub, topic, nowMs: () => Date.now(), newId: () => uuidv7() }
}

/** `create(...)` on the first call of this instance; the same value, or promise, for all after it. */
export const once = <Input, T>(create: (input: Input) => T) => {
  let made: { value: T } | undefined
  return (input: Input): T => (made ??= { value: create(input) }).value
}

const sharedContext = once(createContext)

/** The context that all handlers of one instance share. */
export const context = (): Promise<Context> => sharedContext(undefined)
