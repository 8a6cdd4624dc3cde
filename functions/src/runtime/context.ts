import type { Firestore } from '@google-cloud/firestore'
import type { PubSub } from '@google-cloud/pubsub'
import { v7 as uuidv7 } from 'uuid'

/** What a handler needs from outside: Google's clients, the clock and new ids. */
export interface Context {
  firestore: Firestore
  pubsub: PubSub
  nowMs: () => number
  newId: () => string
}

// The clients are loaded at the first event of an instance, not at import: the Firebase CLI imports every function to
// discover it, and Firestore's client alone takes 90 ms to evaluate.
const createContext = async (): Promise<Context> => {
  const [{ Firestore }, { PubSub }] = await Promise.all([
    import('@google-cloud/firestore'),
    import('@google-cloud/pubsub'),
  ])
  return { firestore: new Firestore(), pubsub: new PubSub(), nowMs: () => Date.now(), newId: () => uuidv7() }
}

/** `create(...)` on the first call of this instance; the same value, or promise, for all after it. */
export const once = <Input, T>(create: (input: Input) => T) => {
  let made: { value: T } | undefined
  return (input: Input): T => (made ??= { value: create(input) }).value
}

const sharedContext = once(createContext)

/** The context that all handlers of one instance share. */
export const context = (): Promise<Context> => sharedContext(undefined)
