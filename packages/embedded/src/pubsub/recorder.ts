import type { StoredMessage } from './delivery.ts'
import type { SubscriptionResource, TopicResource } from './messages.ts'
import type { Schema } from './schemas/schema-store.ts'
import type { Snapshot } from './snapshots/snapshot.ts'

/** Gets every change of what an engine holds, as it is made, to keep it beyond the process. */
export interface Recorder {
  topic(name: string, resource: TopicResource | undefined): void
  subscription(name: string, resource: SubscriptionResource | undefined): void
  snapshot(name: string, snapshot: Snapshot | undefined): void
  schema(name: string, schema: Schema | undefined): void
  published(topic: string, messages: readonly StoredMessage[]): void
  done(subscription: string, message: StoredMessage): void
  /** From now on these messages of the subscription are to be acknowledged, and no others. */
  replayed(subscription: string, messages: readonly StoredMessage[]): void
  /** Resolves when all there is up to now will survive; undefined when it does already. */
  durable(): Promise<void> | undefined
}

const ignore = (): void => {}

export const recordNothing: Recorder = {
  topic: ignore,
  subscription: ignore,
  snapshot: ignore,
  schema: ignore,
  published: ignore,
  done: ignore,
  replayed: ignore,
  durable: () => undefined,
}
