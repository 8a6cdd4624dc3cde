import { join, resolve, delimiter } from 'node:path'

const packageFolder = resolve(import.meta.dirname, '../..')
const rootFolder = resolve(packageFolder, '../..')
const bin = (name: string): string => join(packageFolder, 'bin', name)

/**
 * The environment in which a `firebase` child process runs the emulator suite on the embedded engines, under the
 * project's own Node. What `base` sets for itself is kept, except for what makes the engines stand in.
 */
export const emulatorSuiteEnvironment = (base: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv => ({
  // At most 8 function workers at a time; the CLI's own limit is 50, each of them a Node process.
  FUNCTIONS_EMULATOR_PARALLEL: '8',
  ...googleSuiteEnvironment(base),
  PATH: [bin('java-first'), pathOf(base)].join(delimiter),
  PUBSUB_EMULATOR_BINARY_PATH: bin('pubsub-emulator'),
  FIRESTORE_EMULATOR_BINARY_PATH: bin('firestore-emulator'),
})

/** The same, but Google's own emulators stay in place: they need Java 21 and are downloaded by the CLI. */
export const googleSuiteEnvironment = (base: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv => ({
  // Google's clients and the CLI otherwise ask the network whether this is a machine in their cloud.
  METADATA_SERVER_DETECTION: 'none',
  // The update check of the CLI.
  NO_UPDATE_NOTIFIER: '1',
  ...base,
  PATH: pathOf(base),
})

const pathOf = (base: NodeJS.ProcessEnv): string =>
  [join(rootFolder, 'node_modules/.bin'), base['PATH'] ?? ''].join(delimiter)
