import {
  agentStatuses,
  AgentDocument,
  archiveDataset,
  archiveSubscription,
  archiveTables,
  collections,
  deadLetterTopic,
  FoldReceipt,
  parseEvent,
  topicRetentionDays,
  topics,
  type AgentStatus,
  type ArchiveTable,
  type TopicName,
} from '@infinity-matrix/contracts'
import type { Message, Topic as PubSubTopic } from '@google-cloud/pubsub'
import { v7 as uuidv7 } from 'uuid'
import { attributesOf, topicOf, type WireEvent } from './events.ts'
import { skipCloudDetection } from './settings.ts'

/** Where the control plane is: a project, on engines at `host:port` or, without them, on Google Cloud. */
export interface Place {
  projectId: string
  pubsubHost: string | undefined
  firestoreHost: string | undefined
}

export interface StoredAgent {
  document: AgentDocument
  /** The highest sequence that is known of the agent, applied or parked: a new report must come after it. */
  highestSequence: number
}

/** A temporary listener; `close` takes its subscription away. */
export interface Listener {
  close: () => Promise<void>
}

// Firestore reads many documents in one call; this many stay far below its 10 MiB answer.
const agentsPerRead = 100
// A subscription that a crash left behind goes by itself after a day, the shortest time Pub/Sub offers.
const leftoverSeconds = 86_400
const retentionSeconds = 600
const messagesRemembered = 10_000
const ALREADY_EXISTS = 6

const ignoreExisting = (error: unknown) => {
  if (!(error instanceof Error && 'code' in error && error.code === ALREADY_EXISTS)) throw error
}

/** The CLI's one door to the control plane: what it publishes, and what it reads back. */
export const openControlPlane = async ({ projectId, pubsubHost, firestoreHost }: Place) => {
  // Loaded where they are needed: help and errors in the arguments come at once.
  const [{ Firestore }, { PubSub }] = await Promise.all([
    import('@google-cloud/firestore'),
    import('@google-cloud/pubsub'),
  ])
  if (pubsubHost) skipCloudDetection()
  const pubsub = new PubSub({ projectId, ...(pubsubHost ? { apiEndpoint: pubsubHost, emulatorMode: true } : {}) })
  const firestore = new Firestore({ projectId, ...(firestoreHost ? { host: firestoreHost, ssl: false } : {}) })
  const agents = firestore.collection(collections.agents)
  const deadLetters = firestore.collection(collections.deadLetters)
  const topicsByName = new Map<TopicName, PubSubTopic>()

  const topic = (name: TopicName): PubSubTopic => {
    const known = topicsByName.get(name)
    if (known) return known
    const created = pubsub.topic(name, { batching: { maxMessages: 100, maxMilliseconds: 5 } })
    topicsByName.set(name, created)
    return created
  }

  // In production the tables have to be there first: infra makes both.
  const ensureArchive = async (): Promise<void> => {
    if (!pubsubHost) return
    const subscribe = async ({ topic: name, table }: ArchiveTable) => {
      await pubsub
        .topic(name)
        .createSubscription(archiveSubscription(name), {
          bigqueryConfig: { table: `${projectId}.${archiveDataset}.${table}`, writeMetadata: true },
          deadLetterPolicy: { deadLetterTopic: pubsub.topic(deadLetterTopic(name)).name, maxDeliveryAttempts: 5 },
          expirationPolicy: {},
        })
        .catch(ignoreExisting)
    }
    await Promise.all(Object.values(archiveTables).map(subscribe))
  }

  /** Creates what is missing of the contract's topics, their dead-letter topics, and, locally, their archive. */
  const ensureTopics = async (): Promise<void> => {
    const names = Object.values(topics).flatMap(({ name }) => [name, deadLetterTopic(name)])
    const messageRetentionDuration = { seconds: topicRetentionDays * 86_400 }
    await Promise.all(names.map((name) => pubsub.createTopic({ name, messageRetentionDuration }).catch(ignoreExisting)))
    await ensureArchive()
  }

  /** Resolves when Pub/Sub has the event. */
  const publish = async (event: WireEvent): Promise<void> => {
    await topic(topicOf(event)).publishMessage({ json: event, attributes: attributesOf(event) })
  }

  // Pub/Sub delivers at least once; each message is handed on once.
  const listen = async (name: TopicName, purpose: string, onText: (text: string) => void): Promise<Listener> => {
    const [subscription] = await topic(name).createSubscription(`cli-${purpose}-${uuidv7()}`, {
      expirationPolicy: { ttl: { seconds: leftoverSeconds } },
      messageRetentionDuration: { seconds: retentionSeconds },
    })
    const seen = new Set<string>()
    subscription.on('message', (message: Message) => {
      message.ack()
      if (seen.has(message.id)) return
      seen.add(message.id)
      const [oldest] = seen
      if (oldest !== undefined && seen.size > messagesRemembered) seen.delete(oldest)
      onText(message.data.toString('utf8'))
    })
    // The stream heals itself; what cannot heal shows as no progress, and the caller's deadline says so.
    subscription.on('error', () => {})
    return {
      close: async () => {
        await subscription.close()
        await subscription.delete()
      },
    }
  }

  const onReceipt = (handle: (receipt: FoldReceipt) => void): Promise<Listener> =>
    listen(topics.analytics.name, 'receipts', (text) => {
      const receipt = FoldReceipt.safeParse(parseJson(text))
      if (receipt.success) handle(receipt.data)
    })

  /** Calls `handle` with each agent that is asked for a snapshot. */
  const onResyncRequest = (handle: (agentId: string) => void): Promise<Listener> =>
    listen(topics.realtimeSync.name, 'resync', (text) => {
      const event = parseEvent(parseJson(text), Date.now())
      if (event.ok && event.value.type === 'agent.resync-requested.v1') handle(event.value.agentId)
    })

  const readAgents = async (agentIds: readonly string[]): Promise<AgentDocument[]> => {
    const found: AgentDocument[] = []
    for (let start = 0; start < agentIds.length; start += agentsPerRead) {
      const references = agentIds.slice(start, start + agentsPerRead).map((id) => agents.doc(id))
      const snapshots = await firestore.getAll(...references)
      for (const snapshot of snapshots) if (snapshot.exists) found.push(AgentDocument.parse(snapshot.data()))
    }
    return found
  }

  const readAgent = async (agentId: string): Promise<StoredAgent | undefined> => {
    const [document] = await readAgents([agentId])
    if (!document) return undefined
    const elsewhere =
      document.parkedElsewhere > 0 ? await agents.doc(agentId).collection(collections.parked).listDocuments() : []
    const parked = [...document.parked.map(({ sequence }) => sequence), ...elsewhere.map(({ id }) => Number(id))]
    return { document, highestSequence: Math.max(document.lastSequence, ...parked) }
  }

  const countByStatus = async (): Promise<Record<AgentStatus, number>> => {
    const counts = await Promise.all(
      agentStatuses.map(async (status) => {
        const answer = await agents.where('status', '==', status).count().get()
        return [status, answer.data().count] as const
      }),
    )
    return Object.fromEntries(counts) as Record<AgentStatus, number>
  }

  /** @param tenant only of this tenant, as far as it could be read from the refused input */
  const countDeadLetters = async (tenant?: string): Promise<number> => {
    const answer = await (tenant === undefined ? deadLetters : deadLetters.where('tenant', '==', tenant)).count().get()
    return answer.data().count
  }

  const close = async (): Promise<void> => {
    await Promise.all([pubsub.close(), firestore.terminate()])
  }

  return {
    ensureTopics,
    publish,
    onReceipt,
    onResyncRequest,
    readAgents,
    readAgent,
    countByStatus,
    countDeadLetters,
    close,
  }
}

export type ControlPlane = Awaited<ReturnType<typeof openControlPlane>>

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
