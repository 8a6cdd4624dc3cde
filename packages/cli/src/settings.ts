import { homedir } from 'node:os'
import { join } from 'node:path'

/** Where the repository is: firebase.json, functions and the workers' own files. */
export const repositoryRoot = join(import.meta.dirname, '../../..')

/**
 * Local engines need no credentials. Without this, Google's clients ask the network for them first, as they would on a
 * machine in Google's cloud.
 */
export const skipCloudDetection = (): void => {
  process.env['METADATA_SERVER_DETECTION'] ??= 'none'
}

/** What the environment says; the one module of the CLI that reads it. */
export interface Settings {
  /** Ids that begin with `demo-` keep the emulator suite offline. */
  projectId: string
  /** `host:port` of an engine; undefined for Google's own service. */
  pubsubHost: string | undefined
  firestoreHost: string | undefined
  /** `host:port` of the suite's hub, which knows where the others listen; undefined to ask firebase.json. */
  hubHost: string | undefined
  /** Where the suite's schedule clock listens, `host:port`. */
  scheduleClockHost: string
  /** Where HTTP functions are, each under its name; undefined to ask the suite that runs. */
  functionsUrl: string | undefined
  /** An API key or an ID token that shows who calls them; a suite of this machine lets its developer in without. */
  token: string | undefined
}

export const readSettings = (environment: NodeJS.ProcessEnv = process.env): Settings => ({
  projectId: environment['GCLOUD_PROJECT'] ?? environment['GOOGLE_CLOUD_PROJECT'] ?? 'demo-infinity-matrix',
  pubsubHost: environment['PUBSUB_EMULATOR_HOST'],
  firestoreHost: environment['FIRESTORE_EMULATOR_HOST'],
  hubHost: environment['FIREBASE_EMULATOR_HUB'],
  scheduleClockHost: environment['IMX_SCHEDULE_CLOCK_HOST'] ?? '127.0.0.1:8086',
  functionsUrl: environment['IMX_FUNCTIONS_URL'],
  token: environment['IMX_TOKEN'],
})

/** What a process that is run as an agent finds in its environment. */
export const agentEnvironment = (desiredFile: string): NodeJS.ProcessEnv => ({
  ...process.env,
  IMX_DESIRED_FILE: desiredFile,
})

/** What a suite of our own is started with. `persistIn`: the folder that keeps its documents, and the archive that led to them. */
export const suiteEnvironment = (persistIn: string | undefined): NodeJS.ProcessEnv => {
  // Data keys are wrapped by it; a suite that keeps its documents must find it again.
  const environment = { IMX_KEY_FILE: join(homedir(), '.infinity-matrix', 'keys.json'), ...process.env }
  return persistIn === undefined
    ? environment
    : {
        ...environment,
        IMX_FIRESTORE_PERSIST: join(persistIn, 'firestore'),
        IMX_BIGQUERY_TABLES: join(persistIn, 'bigquery'),
      }
}
