import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { functionsAddress, withFreePorts } from './suite-config.ts'
import {
  emulatorSuiteEnvironment,
  googleSuiteEnvironment,
  googleSuitePreloads,
  suitePreloads,
} from './suite-environment.ts'

const USAGE = `Usage: imx-emulators [options] <firebase arguments>

Runs the project's Firebase CLI with the embedded Firestore, Pub/Sub and Cloud Tasks engines in place of Google's.

  imx-emulators emulators:start
  imx-emulators emulators:exec "npm run test:emulator"

  --google            leave Google's own emulators in place (they need Java 21)
  --free-ports        put every emulator on a free port instead of those of firebase.json
  --persist <folder>  keep what is in Firestore and Pub/Sub there, from one run to the next, also over kill -9
`

interface Own {
  google: boolean
  freePorts: boolean
  persist: string | undefined
  help: boolean
}

/** Our own options, and what is the Firebase CLI's. */
const parse = (argv: readonly string[]): { own: Own; firebase: string[] } => {
  const own: Own = { google: false, freePorts: false, persist: undefined, help: false }
  const firebase: string[] = []
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i] as string
    if (argument === '--google') own.google = true
    else if (argument === '--free-ports') own.freePorts = true
    else if (argument === '--help') own.help = true
    else if (argument === '--persist') own.persist = argv[++i] ?? ''
    else if (argument.startsWith('--persist=')) own.persist = argument.slice('--persist='.length)
    else firebase.push(argument)
  }
  if (own.persist === '') throw new RangeError('--persist: expected a folder')
  return { own, firebase }
}

const persistIn = (folder: string): NodeJS.ProcessEnv => ({
  IMX_FIRESTORE_PERSIST: resolve(folder, 'firestore'),
  IMX_PUBSUB_PERSIST: resolve(folder, 'pubsub'),
  IMX_BIGQUERY_TABLES: resolve(folder, 'bigquery'),
})

const run = async (own: Own, firebaseArguments: readonly string[]): Promise<void> => {
  const freePorts = own.freePorts ? await withFreePorts(process.cwd()) : undefined
  const environment = own.google
    ? googleSuiteEnvironment()
    : emulatorSuiteEnvironment({
        IMX_FUNCTIONS_EMULATOR_HOST: await functionsAddress(
          freePorts?.configPath ?? join(process.cwd(), 'firebase.json'),
        ),
        ...process.env,
        ...(freePorts && { IMX_SCHEDULE_CLOCK_HOST: freePorts.clockHost }),
        ...(own.persist && persistIn(own.persist)),
      })
  const cli = createRequire(import.meta.url).resolve('firebase-tools/lib/bin/firebase.js', {
    paths: [process.cwd(), import.meta.dirname],
  })
  const config = freePorts ? ['--config', freePorts.configPath] : []
  const preloads = own.google ? googleSuitePreloads : suitePreloads
  const child = spawn(process.execPath, [...preloads, cli, ...firebaseArguments, ...config], {
    stdio: 'inherit',
    env: environment,
  })
  // A terminal's Ctrl-C reaches the CLI by itself, and makes it stop the suite; so do the others, passed on as SIGINT.
  process.on('SIGINT', () => {})
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill('SIGINT'))
  child.on('exit', (code) => {
    freePorts?.remove()
    process.exitCode = code ?? 1
  })
}

const main = async (): Promise<void> => {
  const { own, firebase } = parse(process.argv.slice(2))
  if (!own.help && firebase.length > 0) return run(own, firebase)
  console.log(USAGE)
  process.exitCode = own.help ? 0 : 2
}

await main().catch((error: Error) => {
  console.error(`imx-emulators: ${error.message}`)
  process.exitCode = 1
})
