import { availableParallelism } from 'node:os'
import { delimiter, dirname, extname, join, resolve } from 'node:path'

const packageFolder = resolve(import.meta.dirname, '../..')
const bin = (name: string): string => join(packageFolder, 'bin', name)

// The functions emulator runs the `node` of PATH.
const pathOf = (base: NodeJS.ProcessEnv): string => [dirname(process.execPath), base['PATH'] ?? ''].join(delimiter)

// TypeScript here, JavaScript in the package as it is published.
const preload = (module: string): string[] => [
  '--import',
  join(import.meta.dirname, module + extname(import.meta.filename)),
]

/** Flags for the Node that runs the Firebase CLI on Google's own emulators. */
export const googleSuitePreloads: readonly string[] = preload('lazy-validators')

/** Flags for the Node that runs the Firebase CLI: they put the Cloud Tasks engine, and the clock with it, into the suite. */
export const suitePreloads: readonly string[] = [...googleSuitePreloads, ...preload('tasks-in-suite')]

/**
 * The environment in which a `firebase` child process runs the emulator suite on the embedded engines, under the Node
 * that runs this. What `base` sets for itself is kept, except for what makes the engines stand in. The schedule
 * clock listens on `IMX_SCHEDULE_CLOCK_HOST` and fires the functions of `IMX_FUNCTIONS_EMULATOR_HOST`.
 */
export const emulatorSuiteEnvironment = (base: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv => ({
  IMX_SCHEDULE_CLOCK_HOST: '127.0.0.1:8086',
  IMX_FUNCTIONS_EMULATOR_HOST: '127.0.0.1:5001',
  // The CLI gives up on an event that it could not run within a minute, and acknowledges it all the same. So it is never
  // given more than it can run: the rest stays in the engine.
  IMX_PUBSUB_OUTSTANDING: '100',
  ...googleSuiteEnvironment(base),
  PATH: [bin('java-first'), pathOf(base)].join(delimiter),
  PUBSUB_EMULATOR_BINARY_PATH: bin('pubsub-emulator'),
  FIRESTORE_EMULATOR_BINARY_PATH: bin('firestore-emulator'),
  STORAGE_EMULATOR_BINARY_PATH: bin('storage-rules'),
})

/** The same with Google's own emulators left in place: the CLI downloads them and they need Java 21. No clock. */
export const googleSuiteEnvironment = (base: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv => ({
  // Invocations, and so workers of a function, at a time: each worker is a Node process that takes a second of a core to
  // start. One may well run for a minute, as a sweeper does. The CLI's own limit is 50.
  FUNCTIONS_EMULATOR_PARALLEL: String(availableParallelism() + 2),
  // Google's clients and the CLI otherwise ask the network whether this is a machine in Google's cloud.
  METADATA_SERVER_DETECTION: 'none',
  // The CLI's update check.
  NO_UPDATE_NOTIFIER: '1',
  ...base,
  PATH: pathOf(base),
})
