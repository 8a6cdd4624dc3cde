import {
  allowedPerSecond,
  newKeyRange,
  rampGrowth,
  rampPeriodSeconds,
  rampStartPerSecond,
} from '@infinity-matrix/core/ramp'
import * as limits from './limits.ts'
import { bigquery, firestore, functions, pubsub, secondsPerMonth } from './prices.ts'

export interface Load {
  agents: number
  /** Reports of all agents together. */
  eventsPerSecond: number
  eventsPerMessage: number
  /** Events of one agent that are folded together. */
  eventsPerAgentWindow: number
  heartbeatSeconds: number
  /** Heartbeats in one message: 1, unless agents of one host are heard together. */
  heartbeatsPerMessage: number
  /** The share of events that go to subscribers, and to how many each of them goes. */
  distributedShare: number
  subscribers: number
  edition: 'standard' | 'enterprise'
  /** Regions that the agents are spread over, each with its own database. */
  regions: number
  archiveDays: number
}

/** What the code makes of a load: `factors.test.ts` counts each on the engines. */
export interface Factors {
  readsPerAgentWindow: number
  writesPerAgentWindow: number
  receiptsPerMessage: number
  writesPerHeartbeat: number
  /** Reads and writes of the governor's, a second and instance. */
  governorPerSecond: number
}

/** What was measured of events, documents and cores. */
export interface Measures {
  eventBytes: number
  heartbeatBytes: number
  agentDocumentBytes: number
  agentJsonBytes: number
  receiptBytes: (events: number) => number
  eventsPerCoreSecond: number
}

export interface Deployment {
  maxInstances: number
  cpu: number
  memoryGib: number
  concurrency: number
  /** Of an instance's core, how much is used before another instance is there. */
  utilisation: number
}

/** Bytes of a message as Pub/Sub counts them. */
const messageBytes = (bodyBytes: number): number => bodyBytes + pubsub.messageIdBytes + pubsub.timestampBytes

/** ... and of a request with it, which export is not. */
const requestBytes = (bodyBytes: number): number => Math.max(pubsub.requestBytesMin, messageBytes(bodyBytes))

const batchBytes = (events: number, eventBytes: number): number =>
  events === 1 ? eventBytes : '{"events":[]}'.length + events * (eventBytes + 1)

const readUsd = ({ edition }: Load, bytes: number): number => {
  const { perReadUnit, readUnitBytes } = firestore.enterprise
  return edition === 'standard' ? firestore.standard.perRead : Math.ceil(bytes / readUnitBytes) * perReadUnit
}
const writeUsd = ({ edition }: Load, bytes: number): number => {
  const { perWriteUnit, writeUnitBytes } = firestore.enterprise
  return edition === 'standard' ? firestore.standard.perWrite : Math.ceil(bytes / writeUnitBytes) * perWriteUnit
}

const instancesFor = (eventsPerSecond: number, { eventsPerCoreSecond }: Measures, { cpu, utilisation }: Deployment) =>
  Math.max(1, Math.ceil(eventsPerSecond / (eventsPerCoreSecond * cpu * utilisation)))

/** US dollars per million events, by item. */
export const costs = (load: Load, factors: Factors, measures: Measures, deployment: Deployment) => {
  const events = 1e6
  const messages = events / load.eventsPerMessage
  const windows = events / load.eventsPerAgentWindow
  const body = batchBytes(load.eventsPerMessage, measures.eventBytes)
  const bytes = messages * requestBytes(body)
  const receipts = messages * factors.receiptsPerMessage
  const instanceSeconds = (instancesFor(load.eventsPerSecond, measures, deployment) * events) / load.eventsPerSecond
  const shares = instanceSeconds * factors.governorPerSecond
  const { perByteMonth } = firestore[load.edition]
  const eventsPerMonth = load.eventsPerSecond * secondsPerMonth
  return {
    pubsubIn: bytes * pubsub.perByte,
    pubsubToFunction: bytes * pubsub.perByte,
    archiveSubscription: messages * messageBytes(body) * pubsub.exportPerByte,
    archiveStorage: events * measures.eventBytes * bigquery.perByteMonth * (load.archiveDays / 30),
    firestoreReads: windows * factors.readsPerAgentWindow * readUsd(load, measures.agentDocumentBytes),
    firestoreWrites: windows * factors.writesPerAgentWindow * writeUsd(load, measures.agentDocumentBytes),
    firestoreStorage: (load.agents * measures.agentDocumentBytes * perByteMonth * events) / eventsPerMonth,
    functionRequests: messages * functions.perRequest,
    functionVcpu: instanceSeconds * deployment.cpu * functions.perVcpuSecond,
    functionMemory: instanceSeconds * deployment.memoryGib * functions.perGibSecond,
    receipts: receipts * requestBytes(measures.receiptBytes(load.eventsPerMessage)) * pubsub.perByte,
    governor: shares * (readUsd(load, 1000) + writeUsd(load, 1000)),
    changeFeed: load.distributedShare * changeFeedUsd(load, measures),
  }
}

/** Per million events that are distributed: to the distributor with the agents' states, and on to each subscriber. */
const changeFeedUsd = (load: Load, { eventBytes, agentJsonBytes }: Measures): number => {
  const messages = 1e6 / load.eventsPerMessage
  const statesPerMessage = load.eventsPerMessage / load.eventsPerAgentWindow
  const feedBytes = requestBytes(load.eventsPerMessage * eventBytes + statesPerMessage * agentJsonBytes)
  // Published, handed to the distributor, and published once more for each subscriber.
  const hops = 2 + load.subscribers
  return messages * (hops * feedBytes * pubsub.perByte + functions.perRequest)
}

/** US dollars per million heartbeats, by item. */
export const heartbeatCosts = (load: Load, factors: Factors, { heartbeatBytes }: Measures) => {
  const messages = 1e6 / load.heartbeatsPerMessage
  const bytes = messages * requestBytes(batchBytes(load.heartbeatsPerMessage, heartbeatBytes))
  return {
    pubsubIn: bytes * pubsub.perByte,
    pubsubToFunction: bytes * pubsub.perByte,
    functionRequests: messages * functions.perRequest,
    firestoreWrites: 1e6 * factors.writesPerHeartbeat * writeUsd(load, 1000),
  }
}

export const sum = (items: Record<string, number>): number =>
  Object.values(items).reduce((total, value) => total + value, 0)

/** What one writes first: a message, a read, a write and a history entry for each event, which is its archive. */
export const naiveCosts = (load: Load, measures: Measures, deployment: Deployment, eventsPerCoreSecond: number) => {
  const alone = { ...load, eventsPerMessage: 1, eventsPerAgentWindow: 1, distributedShare: 0 }
  const factors = {
    readsPerAgentWindow: 1,
    writesPerAgentWindow: 2,
    receiptsPerMessage: 0,
    writesPerHeartbeat: 0,
    governorPerSecond: 0,
  }
  const { archiveSubscription, archiveStorage, ...items } = costs(
    alone,
    factors,
    { ...measures, eventsPerCoreSecond },
    deployment,
  )
  return items
}

/** Minutes that the ramp takes to allow so many writes a second in a new range. */
export const rampMinutes = (writesPerSecond: number): number => {
  const periods = Math.log(writesPerSecond / rampStartPerSecond) / Math.log(rampGrowth)
  return writesPerSecond <= allowedPerSecond(newKeyRange(0)) ? 0 : (Math.ceil(periods) * rampPeriodSeconds) / 60
}

/** A bound on the load, and the events a second of all regions together at which it is reached. */
export interface Bound {
  what: string
  limit: string
  eventsPerSecondMax: number
}

/** Writes a second to Firestore, and which limit is the first to be reached as the load grows. */
export const scale = (load: Load, factors: Factors, measures: Measures, deployment: Deployment) => {
  const perRegion = load.eventsPerSecond / load.regions
  const agentWritesPerSecond = (perRegion / load.eventsPerAgentWindow) * factors.writesPerAgentWindow
  const agentsPerRegion = load.agents / load.regions
  const instances = instancesFor(perRegion, measures, deployment)
  const body = batchBytes(load.eventsPerMessage, measures.eventBytes)
  const bytesPerEvent = requestBytes(body) / load.eventsPerMessage
  const bounds: Bound[] = [
    {
      what: `fleet-onStateChange, ${deployment.maxInstances} instances`,
      limit: `${Math.round(measures.eventsPerCoreSecond)} events/s and core at ${deployment.utilisation * 100}%`,
      eventsPerSecondMax:
        load.regions * deployment.maxInstances * measures.eventsPerCoreSecond * deployment.utilisation,
    },
    {
      what: 'Pub/Sub push to functions',
      limit: `${limits.pushBytesPerSecond / 1e6} MB/s and region (default quota)`,
      eventsPerSecondMax: (load.regions * limits.pushBytesPerSecond) / bytesPerEvent,
    },
    {
      what: 'Pub/Sub publish',
      limit: `${limits.publishBytesPerSecond / 1e6} MB/s and region (default quota)`,
      eventsPerSecondMax: (load.regions * limits.publishBytesPerSecond) / bytesPerEvent,
    },
    {
      what: 'one agent’s document',
      limit: `${limits.documentWritesPerSecond} write/s and document`,
      eventsPerSecondMax:
        (limits.documentWritesPerSecond / factors.writesPerAgentWindow) * load.eventsPerAgentWindow * load.agents,
    },
  ]
  return {
    instancesPerRegion: instances,
    writesPerSecondPerRegion: { agents: agentWritesPerSecond },
    writesPerSecondPerDocument: { agents: agentWritesPerSecond / agentsPerRegion },
    rampMinutes: { agents: rampMinutes(agentWritesPerSecond) },
    messageBytes: body,
    breaksFirst: bounds.toSorted((a, b) => a.eventsPerSecondMax - b.eventsPerSecondMax),
  }
}
