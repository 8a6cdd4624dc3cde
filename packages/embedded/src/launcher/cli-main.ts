import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { freePortsConfig } from './free-ports.ts'
import { emulatorSuiteEnvironment, googleSuiteEnvironment } from './suite-environment.ts'

const USAGE = `Usage: imx-emulators [--google] [--free-ports] <firebase arguments>

Runs the project's Firebase CLI with the embedded Firestore and Pub/Sub engines in place of Google's.

  imx-emulators emulators:start
  imx-emulators emulators:exec "npm run test:emulator"

  --google      leave Google's own emulators in place (they need Java 21)
  --free-ports  put every emulator on a free port instead of those of firebase.json
`

const own = new Set(['--google', '--free-ports', '--help'])
const given = process.argv.slice(2)
const flags = new Set(given.filter((argument) => own.has(argument)))
const firebaseArguments = given.filter((argument) => !own.has(argument))

const run = async (): Promise<void> => {
  const config = flags.has('--free-ports') ? await freePortsConfig(process.cwd()) : undefined
  const cli = createRequire(import.meta.url).resolve('firebase-tools/lib/bin/firebase.js')
  const child = spawn(process.execPath, [cli, ...firebaseArguments, ...(config ? ['--config', config.path] : [])], {
    stdio: 'inherit',
    env: flags.has('--google') ? googleSuiteEnvironment() : emulatorSuiteEnvironment(),
  })
  // A terminal's Ctrl-C reaches the CLI by itself and makes it stop the suite; other signals are passed on as such.
  process.on('SIGINT', () => {})
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill('SIGINT'))
  child.on('exit', (code) => {
    config?.remove()
    process.exitCode = code ?? 1
  })
}

if (flags.has('--help') || firebaseArguments.length === 0) {
  console.log(USAGE)
  process.exitCode = flags.has('--help') ? 0 : 2
} else {
  await run()
}
