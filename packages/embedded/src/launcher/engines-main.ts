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

  --firestore-port <port>  where Firestore listens: gRPC, REST and WebChannel (8080, or a free one around a command)
  --pubsub-port <port>     where Pub/Sub listens: gRPC and REST (8085, or a free one around a command)
  --tasks-port <port>      where Cloud Tasks listens: gRPC and REST
                           With one of these, only that engine is started; 0 takes a free port.
  --host <address>         where all listen (127.0.0.1)
  --project <id>           the command's GCLOUD_PROJECT (demo-local); every project is served
  --rules <file>           Firestore security rules for all projects; without them users may do everything
  --persist <folder>       what is in Firestore, Pub/Sub and the tables of BigQuery subscriptions is kept there
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

type Settings = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values']

interface Started extends Running {
  host: string
  port: number
}

/** One engine of the command line. */
interface Engine {
  name: string
  flag: 'firestore-port' | 'pubsub-port' | 'tasks-port'
  /** What tells Google's clients where it is. */
  variable: string
  port: number
  /** Whether it is started when no port is named. */
  usual: boolean
  /** Loads it first: what is not asked for costs no time. */
  start: (port: number, settings: Settings) => Promise<Started>
}

const ENGINES: readonly Engine[] = [
  {
    name: 'Firestore',
    flag: 'firestore-port',
    variable: 'FIRESTORE_EMULATOR_HOST',
    port: 8080,
    usual: true,
    async start(port, { host, rules, persist, import: seedFrom }) {
      const { startFirestoreEngine } = await import('../firestore/index.ts')
      return startFirestoreEngine({
        host,
        port,
        log: console.error,
        ...(rules !== undefined && { rulesFile: rules }),
        ...(persist !== undefined && { persistIn: join(persist, 'firestore') }),
        ...(seedFrom !== undefined && { seedFrom }),
      })
    },
  },
  {
    name: 'Pub/Sub',
    flag: 'pubsub-port',
    variable: 'PUBSUB_EMULATOR_HOST',
    port: 8085,
    usual: true,
    async start(port, { host, persist }) {
      const { startPubSubEngine } = await import('../pubsub/index.ts')
      const kept = persist !== undefined && { persistIn: join(persist, 'pubsub'), tablesIn: join(persist, 'bigquery') }
      return startPubSubEngine({ host, port, ...(kept && { ...kept, log: console.error }) })
    },
  },
  {
    name: 'Cloud Tasks',
    flag: 'tasks-port',
    variable: 'CLOUD_TASKS_EMULATOR_HOST',
    port: 9499,
    usual: false,
    async start(port, { host }) {
      const { startTasksEngine } = await import('../tasks/index.ts')
      return startTasksEngine({ host, port, log: console.error })
    },
  },
]

/** Runs a command and gives its exit code, or 128 and the signal's number as a shell does. */
const runCommand = (command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'inherit', env })
    child.on('error', reject)
    child.on('exit', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)))
  })

const run = async (settings: Settings, [command, ...args]: readonly string[]): Promise<Running> => {
  const named = ENGINES.filter(({ flag }) => settings[flag] !== undefined)
  const wanted = named.length > 0 ? named : ENGINES.filter(({ usual }) => usual)
  const started = await Promise.all(
    wanted.map(async ({ name, flag, variable, port, start }) => {
      // A command is told where they are; people and their scripts expect the ports they know.
      const engine = await start(portOf(flag, settings[flag], command === undefined ? port : 0), settings)
      return { name, variable, engine, address: `${engine.host}:${engine.port}` }
    }),
  )
  const close = async (): Promise<void> => {
    await Promise.all(started.map(({ engine }) => engine.close()))
  }
  for (const { name, variable, address } of started) {
    console.log(`${name} engine listening on ${address}${command === undefined ? `  ${variable}=${address}` : ''}`)
  }
  if (command === undefined) return { close }
  const addresses = Object.fromEntries(started.map(({ variable, address }) => [variable, address]))
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
