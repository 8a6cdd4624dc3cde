// The running suite as a test sees it, through Google's own clients.
import { randomUUID } from 'node:crypto'
import { Firestore } from '@google-cloud/firestore'
import { PubSub, type Message } from '@google-cloud/pubsub'
import {
  AgentDocument,
  collections,
  deadLetterTopic,
  topics,
  type DeadLetterDocument,
  type TopicName,
  deadLetterIdOf,
} from '@infinity-matrix/contracts'
import { idToken, waitFor, type IdTokenOptions } from '@infinity-matrix/testing'
import { v7 as uuidv7 } from 'uuid'

export const firestore = new Firestore()
export const pubsub = new PubSub()

/** A tenant and agents of a test's own. */
export const uniqueTenant = () => `t-${randomUUID().slice(0, 13)}`

/** An event as built by `testing`, made unique and of now. */
export const fresh = <Json extends { id: string; time: string }>(json: Json): Json => ({
  ...json,
  id: uuidv7(),
  time: new Date().toISOString(),
})

/** Publishes each body as a message of its own, and returns the message ids in their order. */
export const publish = (topic: TopicName, bodies: readonly (Uint8Array | object)[]): Promise<string[]> => {
  const publisher = pubsub.topic(topic)
  return Promise.all(
    bodies.map((body) =>
      publisher.publishMessage({
        data: body instanceof Uint8Array ? Buffer.from(body) : Buffer.from(JSON.stringify(body)),
      }),
    ),
  )
}

export const agentOf = async (agentId: string): Promise<AgentDocument | undefined> => {
  const snapshot = await firestore.collection(collections.agents).doc(agentId).get()
  return snapshot.exists ? AgentDocument.parse(snapshot.data()) : undefined
}

/** The agent's document as soon as it is as wanted. */
export const agentWhen = (agentId: string, isWanted: (agent: AgentDocument) => boolean, deadlineSeconds = 30) =>
  waitFor(
    `agents/${agentId}`,
    async () => {
      const agent = await agentOf(agentId)
      return agent && isWanted(agent) ? agent : undefined
    },
    { deadlineSeconds },
  )

/** The dead letter of one event of a message. */
export const deadLetterWhen = (messageId: string, index = 0) =>
  waitFor(`the dead letter of message ${messageId}`, async () => {
    const snapshot = await firestore.collection(collections.deadLetters).doc(deadLetterIdOf(messageId, index)).get()
    return snapshot.data() as DeadLetterDocument | undefined
  })

/** The dead letters that name an agent as their subject. */
export const deadLettersOf = async (agentId: string): Promise<DeadLetterDocument[]> => {
  const { docs } = await firestore.collection(collections.deadLetters).where('subject', '==', `agents/${agentId}`).get()
  return docs.map((letter) => letter.data() as DeadLetterDocument)
}

/** Collects what arrives on a topic from now on; `close` ends it. */
export const listenTo = async (topicName: string) => {
  const topic = pubsub.topic(topicName)
  if (!(await topic.exists())[0]) await topic.create().catch(() => undefined)
  const [subscription] = await topic.createSubscription(`test-${randomUUID()}`)
  const messages: Message[] = []
  subscription.on('message', (message: Message) => {
    messages.push(message)
    message.ack()
  })
  return {
    messages,
    async close() {
      await subscription.close()
      await subscription.delete()
    },
  }
}

export const listenToDeadLetters = () => listenTo(deadLetterTopic(topics.stateChanges.name))

/** Where the functions emulator serves a function. */
export const functionUrl = async (name: string): Promise<string> => {
  const hub = await fetch(`http://${process.env['FIREBASE_EMULATOR_HUB']}/emulators`)
  const { functions } = (await hub.json()) as { functions: { host: string; port: number } }
  return `http://${functions.host}:${functions.port}/${process.env['GCLOUD_PROJECT']}/us-central1/${name}`
}

/** The header of somebody who is signed in: an admin of the platform unless told otherwise. */
export const signedIn = (token: Omit<IdTokenOptions, 'projectId'> = {}) => ({
  authorization: `Bearer ${idToken({ projectId: process.env['GCLOUD_PROJECT'] ?? '', ...token })}`,
})
