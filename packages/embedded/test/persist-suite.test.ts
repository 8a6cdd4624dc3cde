import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'

const launcher = resolve(import.meta.dirname, '../bin/imx-emulators')

// Asks as the administrator, and prints what is stored.
const ASK = `
const [method, body] = process.argv.slice(2)
const document = 'http://' + process.env.FIRESTORE_EMULATOR_HOST + '/v1/projects/demo-kept/databases/(default)/documents/c/d'
const answer = await fetch(document, { method, body, headers: { authorization: 'Bearer owner' } })
console.log('FIELDS ' + JSON.stringify((await answer.json()).fields))
`

test('a suite with --persist finds what the one before it stored', { timeout: 60_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'persist-suite-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const here = { host: '127.0.0.1' }
  const emulators = { firestore: here, hub: here, logging: here, ui: { enabled: false } }
  await writeFile(join(folder, 'firebase.json'), JSON.stringify({ emulators }))
  await writeFile(join(folder, 'ask.mjs'), ASK)
  const run = async (...args: string[]): Promise<string> => {
    const child = spawn(process.execPath, [launcher, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
    onTestFinished(() => {
      child.kill('SIGKILL')
    })
    const [out, error] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
    return out + error
  }
  const exec = (persist: string[], ask: string) =>
    run(
      '--free-ports',
      ...persist,
      'emulators:exec',
      '--project',
      'demo-kept',
      '--only',
      'firestore',
      `node ask.mjs ${ask}`,
    )
  const stored = 'FIELDS {"n":{"integerValue":"7"}}'
  expect(await exec(['--persist', 'kept'], `PATCH '{"fields":{"n":{"integerValue":7}}}'`)).toContain(stored)
  expect(await exec(['--persist=kept'], 'GET')).toContain(stored)
  expect(await exec([], 'GET')).toContain('FIELDS undefined')
  expect(await run('--persist')).toBe('imx-emulators: --persist: expected a folder\n')
})
