import protobuf from 'protobufjs'
import type { StoredMessage } from '../delivery.ts'
import {
  durationMs,
  toNumber,
  type Int64,
  type PubsubMessage,
  type SnapshotResource,
  type SubscriptionResource,
  type TopicResource,
} from '../messages.ts'
import { messageBytes } from '../publish-rules.ts'
import type { SchemaResource } from '../schemas/schema-store.ts'

// Messages are named by their sequence numbers. A resource that is left out is gone.
const SCHEMA = `
  syntax = "proto3";
  package imx.pubsub;
  message Record {
    oneof change {
      Topic topic = 1;
      Subscription subscription = 2;
      Snapshot snapshot = 3;
      Messages messages = 4;
      Sequences done = 5;
      Sequences unacknowledged = 6;
      Sequences topic_log = 7;
      Sequences subscription_log = 8;
      string signing_key = 9;
      Schema schema = 10;
      Counter counter = 11;
    }
  }
  message Topic { string name = 1; google.pubsub.v1.Topic resource = 2; }
  message Subscription { string name = 1; google.pubsub.v1.Subscription resource = 2; }
  message Snapshot { string name = 1; google.pubsub.v1.Snapshot resource = 2; repeated uint64 sequences = 3; }
  message Schema {
    string name = 1;
    // None when it is gone.
    repeated google.pubsub.v1.Schema revisions = 2;
    map<string, uint32> numbers = 3;
  }
  message Messages {
    // Empty when they are only told, not published.
    string topic = 1;
    repeated uint64 sequences = 2;
    repeated google.pubsub.v1.PubsubMessage messages = 3;
  }
  // The greatest sequence number there was.
  message Counter { uint64 last = 1; }
  // Of what it is said: the name of a topic or subscription.
  message Sequences { string of = 1; repeated uint64 sequences = 2; }
`

export interface Sequences {
  of: string
  sequences: number[]
}

/** One change of what an engine holds. */
export type Change =
  | { topic: { name: string; resource?: TopicResource | null } }
  | { subscription: { name: string; resource?: SubscriptionResource | null } }
  | { snapshot: { name: string; resource?: SnapshotResource | null; sequences: number[] } }
  | { messages: { topic: string; sequences: number[]; messages: PubsubMessage[] } }
  /** Acknowledged, by the subscription. */
  | { done: Sequences }
  /** All that the subscription is to have acknowledged. */
  | { unacknowledged: Sequences }
  | { topicLog: Sequences }
  | { subscriptionLog: Sequences }
  | { schema: { name: string; revisions: SchemaResource[]; numbers: Record<string, number> } }
  /** The greatest sequence number there was, of messages that are there or gone. */
  | { counter: { last: Int64 } }
  /** The private key that tokens for push endpoints are signed with, as JSON. */
  | { signingKey: string }

export interface RecordCodec {
  encode(change: Change): Uint8Array
  /** Throws for bytes that are no record. */
  decode(bytes: Uint8Array): Change
}

/** `root` has the definitions of Pub/Sub; those of the records are added to it. */
export const recordCodec = (root: protobuf.Root): RecordCodec => {
  protobuf.parse(SCHEMA, root)
  const type = root.lookupType('imx.pubsub.Record')
  return {
    encode: (change) => type.encode(change).finish(),
    decode(bytes) {
      const record = type.decode(bytes) as unknown as { change: string } & Record<string, { sequences?: Int64[] }>
      const value = record[record.change]
      if (!value) throw new Error(`a record of an unknown kind: ${record.change}`)
      if (value.sequences) value.sequences = value.sequences.map(toNumber)
      return { [record.change]: value } as unknown as Change
    },
  }
}

/** The message as it was when it was recorded. */
export const storedMessage = (wire: PubsubMessage, sequence: number): StoredMessage => ({
  wire,
  bytes: messageBytes(wire),
  publishedMs: wire.publishTime ? durationMs(wire.publishTime) : 0,
  sequence,
})
