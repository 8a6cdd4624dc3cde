import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { Firestore } from '@google-cloud/firestore'
import { PubSub } from '@google-cloud/pubsub'
import { startServer, type BenchServer } from '../start-server.ts'
import type { DeliveryLog } from './delivery-log.ts'
import { subscribe, undeliveredTopic } from './eventarc.ts'
import { startFaultyFirestore, type FaultyFirestore, type FaultyOptions } from './faulty-firestore.ts'
import { routeOf, startFrontEnd } from './front-end.ts'
import type { ProcessUsage } from './instance.ts'
import { readManifest, type DeployedFunction } from './manifest.ts'
import { createService, type Service } from './service.ts'

export interface PlatformOptions {
  /** The folder that is deployed; what `npm run build` makes unless another is given. */
  source?: string
  /** At most this many processes of a function, whatever it is deployed with. */
  instancesMax: number
  /** Of Eventarc's backoff of 10 to 600 seconds. */
  retryScale: number
  /** What goes wrong between functions and Firestore; nothing unless given. */
  faults?: Omit<FaultyOptions, 'upstream'>
  /** Settings of the functions, over those of `functions/.env`. */
  settings?: Record<string, string>
}

/** Cloud Run, Eventarc, Pub/Sub and Firestore on this machine, with the built functions as processes of their own. */
export interface Platform {
  projectId: string
  /** Clients beside the functions: what they see has no faults. */
  firestore: Firestore
  pubsub: PubSub
  functions: readonly DeployedFunction[]
  services: ReadonlyMap<string, Service>
  deliveries: ReadonlyMap<string, DeliveryLog>
  faultyFirestore: FaultyFirestore | undefined
  /** Where a function that takes requests is called. */
  url: (functionId: string) => string
  /** Calls a scheduled function, as Cloud Scheduler does; resolves to the status of its answer. */
  tick: (functionId: string) => Promise<number>
  usage: () => Promise<Record<string, ProcessUsage>>
  stop: () => Promise<void>
}

const built = join(import.meta.dirname, '../../functions/dist')
const projectId = 'demo-infinity-matrix'

/** As the Firebase CLI reads them: the project's own over those of all. */
const readSettings = async () => {
  const texts = ['.env', `.env.${projectId}`].map((name) =>
    readFile(join(import.meta.dirname, '../../functions', name), 'utf8'),
  )
  return Object.assign({}, ...(await Promise.all(texts)).map((text) => parseEnv(text))) as Record<string, string>
}

const environmentOf = (firestoreHost: string, pubsubHost: string) => ({
  GCLOUD_PROJECT: projectId,
  GOOGLE_CLOUD_PROJECT: projectId,
  FIREBASE_CONFIG: JSON.stringify({ projectId }),
  // Google's clients look for a cloud to authenticate with unless told that there is none.
  METADATA_SERVER_DETECTION: 'none',
  FIRESTORE_EMULATOR_HOST: firestoreHost,
  PUBSUB_EMULATOR_HOST: pubsubHost,
  // So that unsigned tokens are good.
  FIREBASE_AUTH_EMULATOR_HOST: 'local',
})

/** Starts the engines and the front end, and subscribes every function on a topic; its processes start when called. */
export const startPlatform = async (options: PlatformOptions): Promise<Platform> => {
  const { source = built, instancesMax, retryScale, faults, settings = {} } = options
  const functions = await readManifest(built)
  const [firestoreEngine, pubsubEngine] = await Promise.all([startServer('firestore'), startServer('pubsub')])
  const faultyFirestore = faults && (await startFaultyFirestore({ ...faults, upstream: firestoreEngine.address }))
  const environment = {
    ...(await readSettings()),
    ...environmentOf(faultyFirestore?.address ?? firestoreEngine.address, pubsubEngine.address),
    ...settings,
  }

  const routes = new Map(
    functions.map((deployed) => [
      deployed.id,
      routeOf(deployed, createService(deployed, { source, environment, instancesMax })),
    ]),
  )
  const services = new Map([...routes].map(([id, { service }]) => [id, service]))
  const deliveries = new Map(
    [...routes].flatMap(([id, { deployed, log }]) => (deployed.trigger.kind === 'topic' ? [[id, log] as const] : [])),
  )
  const frontEnd = await startFrontEnd(routes, projectId)
  const { firestore, pubsub } = clientsOf(firestoreEngine, pubsubEngine)

  const topics = functions.flatMap(({ id, trigger }) =>
    trigger.kind === 'topic' ? [{ functionId: id, topic: trigger.topic }] : [],
  )
  for (const topic of new Set(topics.map((one) => one.topic))) await pubsub.createTopic(topic)
  for (const { functionId, topic } of topics) {
    await pubsub.createTopic(undeliveredTopic(functionId))
    await subscribe(pubsub, { functionId, topic, pushEndpoint: frontEnd.url(functionId), retryScale })
  }

  const usage = async () => {
    const entries = await Promise.all(
      [...services.values()].map(async (service) =>
        (await service.usages()).map((used, index) => [`${service.id}#${index + 1}`, used] as const),
      ),
    )
    return {
      ...Object.fromEntries(entries.flat()),
      firestore: await firestoreEngine.usage(),
      pubsub: await pubsubEngine.usage(),
    }
  }

  return {
    projectId,
    firestore,
    pubsub,
    functions,
    services,
    deliveries,
    faultyFirestore,
    url: frontEnd.url,
    async tick(functionId) {
      const response = await fetch(frontEnd.url(functionId), {
        method: 'POST',
        headers: {
          'x-cloudscheduler': 'true',
          'x-cloudscheduler-jobname': `firebase-schedule-${functionId}-us-central1`,
          'x-cloudscheduler-scheduletime': new Date().toISOString(),
        },
      })
      await response.arrayBuffer()
      return response.status
    },
    usage,
    async stop() {
      await Promise.all([firestore.terminate(), pubsub.close()])
      await frontEnd.close()
      await Promise.all([...services.values()].map((service) => service.stop()))
      await faultyFirestore?.close()
      await Promise.all([firestoreEngine.stop(), pubsubEngine.stop()])
    },
  }
}

const clientsOf = (firestoreEngine: BenchServer, pubsubEngine: BenchServer) => {
  const firestore = new Firestore({ projectId, host: firestoreEngine.address, ssl: false })
  const pubsub = new PubSub({ projectId, apiEndpoint: pubsubEngine.address, emulatorMode: true })
  return { firestore, pubsub }
}
