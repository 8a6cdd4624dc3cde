import { readFile } from 'node:fs/promises'
import { inspect } from 'node:util'
import { Server } from '@grpc/grpc-js'
import { listenOnOnePort } from '../wire/port.ts'
import { Engine } from './engine.ts'
import { readExport } from './export/index.ts'
import { emulatorRoutes } from './http/emulator-routes.ts'
import { rulesRoutes } from './http/rules-routes.ts'
import { durableRoutes } from './http/durable-routes.ts'
import { exportRoutes } from './http/export-routes.ts'
import { createHttpServer } from './http/server.ts'
import { triggerRoutes } from './http/trigger-routes.ts'
import { persist, type JournalLimits } from './journal/index.ts'
import { restRoutes } from './rest/routes.ts'
import { MAX_MESSAGE_BYTES, firestoreProtos, firestoreService } from './rpc/codec.ts'
import { firestoreMethods, type Log } from './rpc/service.ts'
import type { Clock } from './store/timeline.ts'
import { Triggers } from './triggers/index.ts'
import { WebChannels } from './web-channel/routes.ts'

export type { Clock } from './store/timeline.ts'

export interface FirestoreEngineOptions {
  /** Default 127.0.0.1. */
  host?: string
  /** 0, the default, takes a free one. */
  port?: number
  /** Path of a file of security rules for all projects, which is read at the start. With errors, it lets no user in. */
  rulesFile?: string
  /** A folder in which every commit is kept before it is answered; what it holds is there at the next start. */
  persistIn?: string
  /**
   * Path of the `*.overall_export_metadata` file of an export: with its documents every database begins, of whatever
   * project, that has the id of theirs.
   */
  seedFrom?: string
  /** `host:port` of the functions emulator, whose functions are called when documents change. */
  functionsHost?: string
  /** Sizes at which the files in it are replaced; what they are without it is good for all but tests. */
  journalLimits?: JournalLimits
  /** Milliseconds since the epoch, as a number or a Date; default the system's. Waits for locks are in real time. */
  clock?: Clock
  /** Gets a line for each error that is the engine's own fault, and what rules have to say; default nothing. */
  log?: Log
}

export interface FirestoreEngine {
  readonly host: string
  readonly port: number
  /** The engine behind the port. */
  readonly engine: Engine
  /** Resolves when the engine has been closed, also over POST /shutdown. */
  readonly closed: Promise<void>
  /** Ends all calls and frees the port. */
  close(): Promise<void>
}

const loadRules = (engine: Engine, file: string, source: string, log: Log): void => {
  for (const { severity, position, description } of engine.rules.loadForAll(source)) {
    log(`${file}:${position?.line ?? 0}:${position?.column ?? 0} - ${severity} ${description}`)
  }
}

/**
 * Starts Firestore in memory: `google.firestore.v1.Firestore` over gRPC, and over HTTP/1.1 on the same port what the
 * Firebase CLI asks of its emulator. Every project and database is there from the start, and empty unless `persistIn` or
 * `seedFrom` says otherwise.
 *
 * Requests with `authorization: Bearer owner`, which Google's server clients send when `FIRESTORE_EMULATOR_HOST` is
 * set, may do everything. Others may do what the security rules of their project allow, and everything where there are
 * none. Rejects with the system's error when the port cannot be had or the rules cannot be read.
 */
export const startFirestoreEngine = async (options: FirestoreEngineOptions = {}): Promise<FirestoreEngine> => {
  const { host = '127.0.0.1', port = 0, rulesFile, persistIn, clock = Date.now, log = () => {} } = options
  const engine = new Engine(clock)
  engine.rules.debug = (value) => log(`firestore: debug in rules: ${inspect(value)}`)
  if (rulesFile) loadRules(engine, rulesFile, await readFile(rulesFile, 'utf8'), log)
  const seed = options.seedFrom === undefined ? [] : await readExport(options.seedFrom)
  const journal = persistIn ? await persist(engine.store, persistIn, log, options.journalLimits) : null
  engine.journal = journal
  if (seed.length > 0) engine.seed(seed)
  const triggers = new Triggers({
    store: engine.store,
    functionsHost: options.functionsHost,
    durable: () => engine.journal?.pending,
    log,
  })
  const grpc = new Server({
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': -1,
  })
  const protos = firestoreProtos()
  const methods = firestoreMethods(engine, log)
  grpc.addService(firestoreService(protos), methods)
  grpc.addService(firestoreService(protos, 'google.firestore.v1beta1.Firestore'), methods)
  const { promise: closed, resolve } = Promise.withResolvers<void>()
  const webChannels = new WebChannels(engine, protos, log)
  const emulator = emulatorRoutes(engine, () => setImmediate(() => void close()))
  const http = createHttpServer(
    [
      ...durableRoutes(engine, [...emulator, ...exportRoutes(engine)]),
      ...triggerRoutes(triggers),
      ...rulesRoutes(engine),
      ...webChannels.routes,
      ...restRoutes(engine, protos, log),
    ],
    log,
  )
  const listening = await listenOnOnePort({ host, port, grpc, http }).catch(async (error: unknown) => {
    await journal?.close()
    throw error
  })
  const close = async (): Promise<void> => {
    webChannels.close()
    triggers.close()
    engine.close()
    await listening.close()
    await journal?.close()
    resolve()
  }
  return { host: listening.host, port: listening.port, engine, closed, close }
}
