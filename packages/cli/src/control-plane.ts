import { fileURLToPath } from 'node:url'
import {
  agentStatuses,
  AgentDocument,
  archiveDataset,
  archiveSubscription,
  archiveTables,
  collections,
  deadLetterTopic,
  FoldReceipt,
  ParkedReport,
  parseEvent,
  topicRetentionDays,
  topics,
  type AgentEvent,
  type AgentStatus,
  type ArchiveTable,
  type TopicName,
} from '@infinity-matrix/contracts'
import { createBatcher, createPublisherTransport } from '@infinity-matrix/sdk'
import type { DocumentSnapshot } from '@google-cloud/firestore'
import type { Message, Topic as PubSubTopic } from '@google-cloud/pubsub'
import { v7 as uuidv7 } from 'uuid'
import { z } from 'zod'
import type { WireEvent } from './events.ts'
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

/** An agent with all that is stored of it. */
export interface WholeAgent {
  document: AgentDocument
  parkedElsewhere: ParkedReport[]
}

const ExternalTable = z.object({ externalDataConfiguration: z.object({ sourceUris: z.array(z.string()) }) })

/** An agent is asked for a snapshot, or told what is desired of it. */
export type AgentRequest = Extract<AgentEvent, { type: 'agent.resync-requested.v1' | 'agent.desired-changed.v1' }>

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
const eventsPerMessageMax = 100
const eventLingerMs = 5
const ALREADY_EXISTS = 6

const ignoreExisting = (error: unknown) => {
  if (!(error instanceof Error && 'code' in error && error.code === ALREADY_EXISTS)) throw error
}

/** The CLI's one door to the control plane: what it publishes, and what it reads back. */
export const openControlPlane = async ({ projectId, pubsubHost, firestoreHost }: Place) => {
  // Loaded where they are needed: help and errors in the arguments come at once.
  const [{ FieldPath, Firestore }, { PubSub }] = await Promise.all([
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
    const created = pubsub.topic(name, { batching: { maxMilliseconds: 1 } })
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
    const ensure = async (name: string) => {
      await pubsub.createTopic({ name, messageRetentionDuration }).catch(async (error: unknown) => {
        ignoreExisting(error)
        // Whoever deploys a function makes its topic too, and knows no retention.
        await pubsub.topic(name).setMetadata({ messageRetentionDuration })
      })
    }
    await Promise.all(names.map(ensure))
    await ensureArchive()
  }

  const batcher = createBatcher({
    transport: createPublisherTransport((name, text) => topic(name).publishMessage({ data: Buffer.from(text) }), {
      eventsMax: eventsPerMessageMax,
    }),
    lingerMs: eventLingerMs,
  })

  /** Resolves when Pub/Sub has the event. */
  const publish = async (event: WireEvent): Promise<void> => {
    await batcher.add(event)
  }

  /** Publishes several events of the topic of reports as one message. */
  const publishBatch = async (events: readonly WireEvent[]): Promise<void> => {
    await topic(topics.stateChanges.name).publishMessage({ json: { events } })
  }

  /** A topic that replayed events go to, made where it is not there: each agent's messages in order, under its id. */
  const openReplayTopic = async (name: string) => {
    await pubsub.createTopic(name).catch(ignoreExisting)
    const replayTopic = pubsub.topic(name, { messageOrdering: true, batching: { maxMilliseconds: 5 } })
    return async (orderingKey: string, raw: string): Promise<void> => {
      await replayTopic.publishMessage({ data: Buffer.from(raw), orderingKey })
    }
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

  /** Calls `handle` with what agents are asked. */
  const onRequest = (handle: (request: AgentRequest) => void): Promise<Listener> =>
    listen(topics.realtimeSync.name, 'requests', (text) => {
      const event = parseEvent(parseJson(text), Date.now())
      if (!event.ok) return
      const { value } = event
      if (value.type === 'agent.resync-requested.v1' || value.type === 'agent.desired-changed.v1') handle(value)
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

  async function* pagesInOrder(agentIds?: ReadonlySet<string>): AsyncGenerator<readonly DocumentSnapshot[]> {
    if (agentIds) {
      const ids = [...agentIds].toSorted((a, b) => (a < b ? -1 : 1))
      while (ids.length > 0) yield await firestore.getAll(...ids.splice(0, agentsPerRead).map((id) => agents.doc(id)))
      return
    }
    const page = agents.orderBy(FieldPath.documentId()).limit(agentsPerRead)
    for (let found = await page.get(); found.size > 0; found = await page.startAfter(found.docs.at(-1)).get())
      yield found.docs
  }

  /** Every agent, or those named, with what is parked, in the order of their ids. */
  async function* agentsInOrder(agentIds?: ReadonlySet<string>): AsyncGenerator<WholeAgent> {
    for await (const snapshots of pagesInOrder(agentIds))
      for (const snapshot of snapshots) {
        if (!snapshot.exists) continue
        const document = AgentDocument.parse(snapshot.data())
        const elsewhere =
          document.parkedElsewhere > 0 ? (await snapshot.ref.collection(collections.parked).get()).docs : []
        yield { document, parkedElsewhere: elsewhere.map((parked) => ParkedReport.parse(parked.data())) }
      }
  }

  /**
   * Where the Parquet files of an archive table are, as a glob; undefined while there are none. Only the local engines
   * have them: in production they are exported from BigQuery first.
   */
  const archiveFiles = async ({ table }: ArchiveTable): Promise<string | undefined> => {
    if (!pubsubHost) return undefined
    const path = `/bigquery/v2/projects/${projectId}/datasets/${archiveDataset}/tables/${table}`
    const answer = ExternalTable.safeParse(await (await fetch(`http://${pubsubHost}${path}`)).json())
    const [uri] = answer.success ? answer.data.externalDataConfiguration.sourceUris : []
    return uri === undefined ? undefined : fileURLToPath(uri)
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
    await batcher.close()
    await Promise.all([pubsub.close(), firestore.terminate()])
  }

  return {
    ensureTopics,
    publish,
    publishBatch,
    openReplayTopic,
    onReceipt,
    onRequest,
    readAgents,
    readAgent,
    agentsInOrder,
    archiveFiles,
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
