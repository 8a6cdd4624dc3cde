// The engines alone, without the Firebase CLI: `imx-engines --help` tells more.
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { runEngineProcess, type Running } from './engine-process.ts'
import { portOf } from './flags.ts'

const USAGE = `Usage: imx-engines [options] [-- command ...]

Firestore and Pub/Sub, and Cloud Tasks when asked for, in one process, without the Firebase CLI, until Ctrl-C. With a
command: runs it with FIRESTORE_EMULATOR_HOST, PUBSUB_EMULATOR_HOST, CLOUD_TASKS_EMULATOR_HOST and GCLOUD_PROJECT set,
stops the engines, and ends with its code.

  --firestore-port <port>  where Firestore listens: gRPC, REST and WebChannel (8080)
  --pubsub-port <port>     where Pub/Sub listens: gRPC and REST (8085)
  --tasks-port <port>      where Cloud Tasks listens: gRPC and REST
                           With one of these, only that engine is started; 0 takes a free port.
  --host <address>         where all listen (127.0.0.1)
  --project <id>           the command's GCLOUD_PROJECT (demo-local); every project is served
  --rules <file>           Firestore security rules for all projects; without them users may do everything
  --persist <folder>       what is in Firestore and Pub/Sub is kept there, and is there at the next start
  --import <file>          *.overall_export_metadata of an export, with which every Firestore database begins
  --help
`

const OPTIONS = {
  'firestore-port': { type: 'string' },
  'pubsub-port': { type: 'string' },
  'tasks-port': { type: 'string' },
  host: { type: 'string', default: '127.0.0.1' },
  project: { type: 'string', default: 'demo-local' },
  rules: { type: 'string' },
  persist: { type: 'string' },
  import: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const

type Settings = ReturnType<typeof parseArgs<{ options: typeof OPTIONS; allowPositionals: true }>>['values']

interface Engine extends Running {
  name: string
  variable: string
  address: string
}

const startFirestore = async ({
  host,
  rules,
  persist,
  import: seedFrom,
  'firestore-port': port,
}: Settings): Promise<Engine> => {
  const { startFirestoreEngine } = await import('../firestore/index.ts')
  const engine = await startFirestoreEngine({
    host,
    port: portOf({ ...(port !== undefined && { 'firestore-port': port }) }, 'firestore-port', 8080),
    log: console.error,
    ...(rules !== undefined && { rulesFile: rules }),
    ...(persist !== undefined && { persistIn: join(persist, 'firestore') }),
    ...(seedFrom !== undefined && { seedFrom }),
  })
  const address = `${engine.host}:${engine.port}`
  return { name: 'Firestore', variable: 'FIRESTORE_EMULATOR_HOST', address, close: () => engine.close() }
}

const startPubSub = async ({ host, persist, 'pubsub-port': port }: Settings): Promise<Engine> => {
  const { startPubSubEngine } = await import('../pubsub/index.ts')
  const engine = await startPubSubEngine({
    host,
    port: portOf({ ...(port !== undefined && { 'pubsub-port': port }) }, 'pubsub-port', 8085),
    ...(persist !== undefined && { persistIn: join(persist, 'pubsub'), log: console.error }),
  })
  const address = `${engine.host}:${engine.port}`
  return { name: 'Pub/Sub', variable: 'PUBSUB_EMULATOR_HOST', address, close: () => engine.close() }
}

const startTasks = async ({ host, 'tasks-port': port }: Settings): Promise<Engine> => {
  const { startTasksEngine } = await import('../tasks/index.ts')
  const engine = await startTasksEngine({
    host,
    port: portOf({ ...(port !== undefined && { 'tasks-port': port }) }, 'tasks-port', 9499),
    log: console.error,
  })
  const address = `${engine.host}:${engine.port}`
  return { name: 'Cloud Tasks', variable: 'CLOUD_TASKS_EMULATOR_HOST', address, close: () => engine.close() }
}

/** Runs a command and gives its exit code, or 128 and the signal's number as a shell does. */
const runCommand = (command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'inherit', env })
    child.on('error', reject)
    child.on('exit', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)))
  })

const run = async (settings: Settings, [command, ...args]: readonly string[]): Promise<Running> => {
  const named = (['firestore-port', 'pubsub-port', 'tasks-port'] as const).some((name) => settings[name] !== undefined)
  const starts = [
    ...(!named || settings['firestore-port'] !== undefined ? [startFirestore] : []),
    ...(!named || settings['pubsub-port'] !== undefined ? [startPubSub] : []),
    ...(settings['tasks-port'] !== undefined ? [startTasks] : []),
  ]
  const engines = await Promise.all(starts.map((start) => start(settings)))
  const close = async (): Promise<void> => {
    await Promise.all(engines.map((engine) => engine.close()))
  }
  for (const { name, address, variable } of engines) {
    console.log(`${name} engine listening on ${address}${command === undefined ? `  ${variable}=${address}` : ''}`)
  }
  if (command === undefined) return { close }
  const addresses = Object.fromEntries(engines.map(({ variable, address }) => [variable, address]))
  const env = { GCLOUD_PROJECT: settings.project, METADATA_SERVER_DETECTION: 'none', ...process.env, ...addresses }
  void runCommand(command, args, env)
    .catch((error: Error) => {
      console.error(`imx-engines: ${error.message}`)
      return 127
    })
    .then(async (code) => {
      await close()
      process.exit(code)
    })
  return { close }
}

const usageError = (message: string): void => {
  console.error(`imx-engines: ${message}\n\n${USAGE}`)
  process.exitCode = 2
}

const main = async (argv: readonly string[]): Promise<void> => {
  const end = argv.indexOf('--')
  const [own, command] = end < 0 ? [argv, []] : [argv.slice(0, end), argv.slice(end + 1)]
  let settings: Settings
  try {
    settings = parseArgs({ args: [...own], options: OPTIONS, allowPositionals: false }).values
  } catch (error) {
    return usageError((error as Error).message)
  }
  if (settings.help) return console.log(USAGE)
  if (end >= 0 && command.length === 0) return usageError('-- needs a command')
  await runEngineProcess('imx-engines', () => run(settings, command), { endsWithParent: false })
}

await main(process.argv.slice(2))
