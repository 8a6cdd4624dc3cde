import { separatorBytes } from '@infinity-matrix/contracts'
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
  /** Of a commit, which holds a message or more: its window, and its entry on the way into the ledger. */
  windowsPerMessage: number
  entriesPerMessage: number
  /** Of the sealer, which is awake all the time; each seal writes a part of a bundle, the tree and the checkpoint. */
  sealsPerSecond: number
  writesPerSeal: number
  /** Of an agent's channel, for what a window distributes in order. */
  channelReadsPerAgentWindow: number
  channelWritesPerAgentWindow: number
  /** Heartbeats that an instance holds in this time become a document for each shard: written, read and deleted once. */
  pulseSeconds: number
  shards: number
  /** Each cell of at most so many agents is written once in this time. */
  digestSeconds: number
  cellAgentsMax: number
  /** A shard's lease is renewed so often by its sweeper, of which each watches so many agents. */
  leaseSeconds: number
  agentsPerSweeper: number
  /** Reads and writes of the governor's, a second and instance. */
  governorPerSecond: number
}

type EventFactors = Pick<
  Factors,
  | 'readsPerAgentWindow'
  | 'writesPerAgentWindow'
  | 'receiptsPerMessage'
  | 'windowsPerMessage'
  | 'entriesPerMessage'
  | 'sealsPerSecond'
  | 'writesPerSeal'
  | 'channelReadsPerAgentWindow'
  | 'channelWritesPerAgentWindow'
  | 'governorPerSecond'
>

/** What was measured of events, documents and cores. */
export interface Measures {
  eventBytes: number
  heartbeatBytes: number
  pulseBytesPerAgent: number
  agentDocumentBytes: number
  channelBytes: number
  agentJsonBytes: number
  receiptBytes: (events: number) => number
  windowBytes: (agents: number) => number
  entryBytes: number
  eventsPerCoreSecond: number
  /** Events that one core passes on in a second, each agent's in order. */
  distributedPerCoreSecond: number
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
  events * (eventBytes + separatorBytes) - separatorBytes

const readUsd = ({ edition }: Load, bytes: number): number => {
  const { perReadUnit, readUnitBytes } = firestore.enterprise
  return edition === 'standard' ? firestore.standard.perRead : Math.ceil(bytes / readUnitBytes) * perReadUnit
}
const writeUsd = ({ edition }: Load, bytes: number): number => {
  const { perWriteUnit, writeUnitBytes } = firestore.enterprise
  return edition === 'standard' ? firestore.standard.perWrite : Math.ceil(bytes / writeUnitBytes) * perWriteUnit
}

const deleteUsd = ({ edition }: Load): number =>
  edition === 'standard' ? firestore.standard.perDelete : firestore.enterprise.perWriteUnit

const instancesFor = (eventsPerSecond: number, { eventsPerCoreSecond }: Measures, { cpu, utilisation }: Deployment) =>
  Math.max(1, Math.ceil(eventsPerSecond / (eventsPerCoreSecond * cpu * utilisation)))

/** US dollars per million events, by item. */
export const costs = (load: Load, factors: EventFactors, measures: Measures, deployment: Deployment) => {
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
    ledger: messages * ledgerUsd(load, factors, measures),
    sealer: (events / load.eventsPerSecond) * sealerUsd(load, factors),
    governor: shares * (readUsd(load, 1000) + writeUsd(load, 1000)),
    changeFeed: load.distributedShare * changeFeedUsd(load, measures),
    channels: load.distributedShare * windows * channelUsd(load, factors, measures),
    distributorTime: load.distributedShare * distributorUsd(measures, deployment),
  }
}

/** Of a message: what the fold writes, and the sealer reads and deletes. */
const ledgerUsd = (load: Load, factors: EventFactors, { windowBytes, entryBytes }: Measures): number => {
  const agents = load.eventsPerMessage / Math.min(load.eventsPerMessage, load.eventsPerAgentWindow)
  return (
    factors.windowsPerMessage * writeUsd(load, windowBytes(agents)) +
    factors.entriesPerMessage * (writeUsd(load, entryBytes) + readUsd(load, entryBytes) + deleteUsd(load))
  )
}

/** Of a second: its writes, and its instance. */
const sealerUsd = (load: Load, { sealsPerSecond, writesPerSeal }: EventFactors): number =>
  sealsPerSecond * writesPerSeal * writeUsd(load, 1000) + functions.perVcpuSecond + functions.perGibSecond / 2

const channelUsd = (load: Load, factors: EventFactors, { channelBytes }: Measures): number =>
  factors.channelReadsPerAgentWindow * readUsd(load, channelBytes) +
  factors.channelWritesPerAgentWindow * writeUsd(load, channelBytes)

const distributorUsd = ({ distributedPerCoreSecond }: Measures, { memoryGib, utilisation }: Deployment): number =>
  (1e6 / (distributedPerCoreSecond * utilisation)) * (functions.perVcpuSecond + memoryGib * functions.perGibSecond)

/** Per million events that are distributed: to the distributor with the agents' states, and on to each subscriber. */
const changeFeedUsd = (load: Load, { eventBytes, agentJsonBytes }: Measures): number => {
  const messages = 1e6 / load.eventsPerMessage
  const statesPerMessage = load.eventsPerMessage / load.eventsPerAgentWindow
  const feedBytes = requestBytes(load.eventsPerMessage * eventBytes + statesPerMessage * agentJsonBytes)
  // Published, handed to the distributor, and published once more for each subscriber.
  const hops = 2 + load.subscribers
  return messages * (hops * feedBytes * pubsub.perByte + functions.perRequest)
}

/** What heartbeats ask of one region, a second. */
const heartbeatRates = (load: Load, factors: Factors, measures: Measures, deployment: Deployment) => {
  const agents = load.agents / load.regions
  const perSecond = agents / load.heartbeatSeconds
  const messages = perSecond / load.heartbeatsPerMessage
  // A heartbeat is less work than an event, of which this is the measured rate.
  const instances = instancesFor(perSecond, measures, deployment)
  // A cell divides in two when it is full, and agents' hashes are spread evenly: all are of one size.
  const cells = Math.max(factors.shards, 2 ** Math.ceil(Math.log2(agents / factors.cellAgentsMax)))
  return {
    perSecond,
    messages,
    instances,
    sweepers: Math.ceil(agents / factors.agentsPerSweeper),
    pulses: Math.min(messages, (instances * factors.shards) / factors.pulseSeconds),
    digests: cells / factors.digestSeconds,
    leases: factors.shards / factors.leaseSeconds,
  }
}

/** US dollars per million heartbeats, by item. */
export const heartbeatCosts = (load: Load, factors: Factors, measures: Measures, deployment: Deployment) => {
  const rates = heartbeatRates(load, factors, measures, deployment)
  const perMillion = 1e6 / rates.perSecond
  const body = batchBytes(load.heartbeatsPerMessage, measures.heartbeatBytes)
  const bytes = rates.messages * perMillion * requestBytes(body)
  const pulseBytes = (rates.perSecond / rates.pulses) * measures.pulseBytesPerAgent
  const pulse = writeUsd(load, pulseBytes) + readUsd(load, pulseBytes) + deleteUsd(load)
  const instanceUsd = functions.perVcpuSecond + functions.perGibSecond
  return {
    pubsubIn: bytes * pubsub.perByte,
    pubsubToFunction: bytes * pubsub.perByte,
    functionRequests: rates.messages * perMillion * functions.perRequest,
    functionTime: rates.instances * instanceUsd * perMillion,
    pulses: rates.pulses * pulse * perMillion,
    digests: rates.digests * writeUsd(load, factors.cellAgentsMax * 2) * perMillion,
    leases: rates.leases * (readUsd(load, 100) + writeUsd(load, 100)) * perMillion,
    sweepers: rates.sweepers * instanceUsd * perMillion,
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
    windowsPerMessage: 0,
    entriesPerMessage: 0,
    sealsPerSecond: 0,
    writesPerSeal: 0,
    channelReadsPerAgentWindow: 0,
    channelWritesPerAgentWindow: 0,
    governorPerSecond: 0,
  }
  const {
    archiveSubscription,
    archiveStorage,
    sealer: _,
    ...items
  } = costs(alone, factors, { ...measures, eventsPerCoreSecond }, deployment)
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
  const heartbeats = heartbeatRates(load, factors, measures, deployment)
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
    collections: [
      { collection: 'agents', writes: agentWritesPerSecond, documents: agentsPerRegion },
      { collection: 'pulses', writes: heartbeats.pulses, documents: null },
      { collection: 'digests', writes: heartbeats.digests, documents: heartbeats.digests * factors.digestSeconds },
      { collection: 'leases', writes: heartbeats.leases, documents: factors.shards },
    ].map(({ collection, writes, documents }) => ({
      collection,
      writesPerSecond: writes,
      // A document of its own for each write has no rate.
      writesPerSecondPerDocument: documents === null ? null : writes / documents,
      rampMinutes: rampMinutes(writes),
    })),
    heartbeatInstancesPerRegion: heartbeats.instances,
    sweepersPerRegion: heartbeats.sweepers,
    messageBytes: body,
    breaksFirst: bounds.toSorted((a, b) => a.eventsPerSecondMax - b.eventsPerSecondMax),
  }
}
