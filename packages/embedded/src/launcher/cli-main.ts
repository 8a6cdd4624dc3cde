import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { functionsAddress, withFreePorts } from './suite-config.ts'
import {
  emulatorSuiteEnvironment,
  googleSuiteEnvironment,
  googleSuitePreloads,
  suitePreloads,
} from './suite-environment.ts'

const USAGE = `Usage: imx-emulators [--google] [--free-ports] <firebase arguments>

Runs the project's Firebase CLI with the embedded Firestore, Pub/Sub and Cloud Tasks engines in place of Google's.

  imx-emulators emulators:start
  imx-emulators emulators:exec "npm run test:emulator"

  --google      leave Google's own emulators in place (they need Java 21)
  --free-ports  put every emulator on a free port instead of those of firebase.json
`

const OWN_FLAGS: ReadonlySet<string> = new Set(['--google', '--free-ports', '--help'])

const run = async (flags: ReadonlySet<string>, firebaseArguments: readonly string[]): Promise<void> => {
  const freePorts = flags.has('--free-ports') ? await withFreePorts(process.cwd()) : undefined
  const environment = flags.has('--google')
    ? googleSuiteEnvironment()
    : emulatorSuiteEnvironment({
        IMX_FUNCTIONS_EMULATOR_HOST: await functionsAddress(
          freePorts?.configPath ?? join(process.cwd(), 'firebase.json'),
        ),
        ...process.env,
        ...(freePorts && { IMX_SCHEDULE_CLOCK_HOST: freePorts.clockHost }),
      })
  const cli = createRequire(import.meta.url).resolve('firebase-tools/lib/bin/firebase.js')
  const config = freePorts ? ['--config', freePorts.configPath] : []
  const preloads = flags.has('--google') ? googleSuitePreloads : suitePreloads
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

const given = process.argv.slice(2)
const flags = new Set(given.filter((argument) => OWN_FLAGS.has(argument)))
const firebaseArguments = given.filter((argument) => !OWN_FLAGS.has(argument))

if (flags.has('--help') || firebaseArguments.length === 0) {
  console.log(USAGE)
  process.exitCode = flags.has('--help') ? 0 : 2
} else {
  await run(flags, firebaseArguments).catch((error: Error) => {
    console.error(`imx-emulators: ${error.message}`)
    process.exitCode = 1
  })
}
