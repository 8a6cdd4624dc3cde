// Does the package of the local engines stand alone? It is built, packed and installed away from the workspaces, where
// its command must serve, and its types must check. Run by `npm run check:packaging`.
import { execFileSync } from 'node:child_process'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const dist = join(root, 'packages/embedded/dist')

const ASK = `
const path = '/v1/projects/p/databases/(default)/documents/c/d'
const answer = await fetch('http://' + process.env.FIRESTORE_EMULATOR_HOST + path, {
  method: 'PATCH',
  headers: { authorization: 'Bearer owner' },
  body: JSON.stringify({ fields: { n: { integerValue: 1 } } }),
})
const topic = await fetch('http://' + process.env.PUBSUB_EMULATOR_HOST + '/v1/projects/p/topics/jobs', { method: 'PUT' })
console.log(answer.status, topic.status)
`

const USE = `
import { startFirestoreEngine, startPubSubEngine, type FirestoreEngine } from '@infinity-matrix/embedded'
import { compileRules } from '@infinity-matrix/embedded/rules'
const engine: FirestoreEngine = await startFirestoreEngine()
await engine.close()
await (await startPubSubEngine({ port: 0 })).close()
console.log(engine.port > 0, compileRules('nonsense').issues.length > 0)
`

const scratch = await mkdtemp(join(tmpdir(), 'published-'))
const run = (command: string, ...args: string[]): string =>
  execFileSync(command, args, { cwd: scratch, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })

const expect = (what: string, output: string, line: string): void => {
  if (output.trimEnd().split('\n').at(-1) === line) return
  console.error(`${what}: expected "${line}", got\n${output}`)
  process.exitCode = 1
}

try {
  run('npm', 'pack', dist, '--silent')
  const archive = (await readdir(scratch)).find((name) => name.endsWith('.tgz')) ?? ''
  await writeFile(join(scratch, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
  run('npm', 'install', `./${archive}`, '--prefer-offline', '--no-audit', '--no-fund', '--silent')
  await writeFile(join(scratch, 'ask.js'), ASK)
  const command = join(scratch, 'node_modules/.bin/imx-engines')
  expect('the command', run(command, '--', 'node', 'ask.js'), '200 200')
  await writeFile(join(scratch, 'use.ts'), USE)
  expect('the modules', run('node', 'use.ts'), 'true true')
  const typeRoots = ['--typeRoots', join(root, 'node_modules/@types'), '--types', 'node']
  expect(
    'the types',
    run('tsc', '--noEmit', '--strict', '--target', 'es2024', '--module', 'nodenext', ...typeRoots, 'use.ts'),
    '',
  )
  if (process.exitCode === undefined) console.log('the package of the engines stands alone')
} finally {
  await rm(scratch, { recursive: true, force: true })
}
