import { Server } from '@grpc/grpc-js'
import { Tables } from '../bigquery/tables.ts'
import { systemTime, type TimeSource } from '../clock/time-source.ts'
import { listenOnOnePort } from '../wire/port.ts'
import { loadProtos } from '../wire/protos.ts'
import { readableHost } from '../wire/readable.ts'
import { Broker } from './broker.ts'
import { createPubSubHttpServer } from './http.ts'
import { addIamService } from './iam/iam-service.ts'
import { durableHost, persist } from './persist/index.ts'
import { addPublisherService } from './publisher-service.ts'
import { RestHost } from './rest/rest-host.ts'
import { addSchemaService } from './schemas/schema-service.ts'
import { hosts } from './service-host.ts'
import { addSubscriberService } from './subscriber-service.ts'

export interface PubSubEngineOptions {
  /** Default 127.0.0.1. */
  host?: string
  /** 0, the default, picks a free one. */
  port?: number
  /** Default: the system's. */
  clock?: TimeSource
  /** A streaming pull holds at most so many unacknowledged messages, whatever it asks for. Default: what it asks for. */
  outstandingPerStreamMax?: number
  /** A streaming pull is ended with UNAVAILABLE after so long, as production's are; clients reconnect. Default: never. */
  streamLifetimeMs?: number
  /** What is kept for replay (retention, snapshots) beside what is not acknowledged, in bytes. Default 512 MiB. */
  retainedBytesMax?: number
  /** A folder for everything to be kept in, from one run to the next. Default: nothing is kept. */
  persistIn?: string
  /** The log in that folder is replaced by what it comes to when it is so large. Default 64 MiB. */
  compactAfterBytes?: number
  /**
   * A folder in which BigQuery subscriptions write their tables, as Parquet files; needs `@duckdb/node-api`. Default: they
   * keep their messages.
   */
  tablesIn?: string
  log?: (line: string) => void
}

export interface PubSubEngine {
  host: string
  port: number
  /** Resolves when the engine has been closed, also over POST /shutdown. */
  readonly closed: Promise<void>
  /** Ends all calls and frees the port. */
  close(): Promise<void>
}

/**
 * Google Cloud Pub/Sub (google.pubsub.v1 and google.iam.v1; gRPC without TLS, and HTTP/1.1 with JSON) in memory, and in
 * a folder when one is given. Rejects with the system's error when the port cannot be had, with `JournalError` when the
 * folder cannot.
 */
export const startPubSubEngine = async (options: PubSubEngineOptions = {}): Promise<PubSubEngine> => {
  const { host: address = '127.0.0.1', port = 0, clock = systemTime, log } = options
  const { outstandingPerStreamMax = Infinity, streamLifetimeMs = Infinity, retainedBytesMax } = options
  const { persistIn, compactAfterBytes, tablesIn } = options
  const tables = tablesIn === undefined ? undefined : new Tables(tablesIn)
  const broker = new Broker(clock, { ...(retainedBytesMax !== undefined && { retainedBytesMax }), tables, log })
  const root = loadProtos('pubsub')
  const kept = persistIn ? await persist(broker, { folder: persistIn, root, log, compactAfterBytes }) : undefined
  const durable = () => kept?.durable()
  // Larger requests than Pub/Sub takes are let in, to be refused with its own words.
  const grpc = new Server({
    'grpc.max_receive_message_length': 64 * 1024 * 1024,
    'grpc.max_send_message_length': -1,
  })
  const iam = loadProtos('iam')
  const rest = new RestHost([
    ...['Publisher', 'Subscriber', 'SchemaService'].map((name) => root.lookupService(`google.pubsub.v1.${name}`)),
    iam.lookupService('google.iam.v1.IAMPolicy'),
  ])
  const host = kept ? durableHost(hosts(readableHost(grpc), rest), durable) : hosts(readableHost(grpc), rest)
  addSchemaService(host, root, broker.schemas)
  addIamService(host, iam, (name) => broker.find(name))
  addPublisherService(host, root, broker)
  addSubscriberService(host, root, broker, {
    time: clock,
    outstandingPerStreamMax,
    streamLifetimeMs,
    durable,
  })
  const http = createPubSubHttpServer({ broker, rest, tables, durable, shutdown: () => void close() })
  const listening = await listenOnOnePort({ host: address, port, grpc, http }).catch(async (error: unknown) => {
    await kept?.close()
    throw error
  })
  log?.(`Pub/Sub engine listening on ${listening.host}:${listening.port}`)
  const { promise: closed, resolve } = Promise.withResolvers<void>()
  const close = async (): Promise<void> => {
    broker.close()
    await tables?.close()
    await listening.close()
    await kept?.close()
    resolve()
  }
  return { host: listening.host, port: listening.port, closed, close }
}
