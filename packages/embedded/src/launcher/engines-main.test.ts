import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { Firestore } from '@google-cloud/firestore'
import { PubSub } from '@google-cloud/pubsub'
import { expect, onTestFinished, test, vi } from 'vitest'

const command = resolve(import.meta.dirname, '../../bin/imx-engines')

const start = (...args: string[]) => {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  return child
}

const run = async (...args: string[]) => {
  const child = start(...args)
  const [out, error, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  return { out, error, code: code as number }
}

/** The variables that the command prints, as soon as it has printed all. */
const variables = async (child: ReturnType<typeof start>, count: number): Promise<Record<string, string>> => {
  const found: Record<string, string> = {}
  for await (const line of createInterface(child.stdout)) {
    const [, name, address] = /(\w+_EMULATOR_HOST)=(\S+)/.exec(line) ?? []
    if (name !== undefined && address !== undefined) found[name] = address
    if (Object.keys(found).length === count) break
  }
  return found
}

test("serves Google's clients on the ports it says, until it is told to stop", async () => {
  const child = start('--firestore-port', '0', '--pubsub-port', '0', '--project', 'demo-alone')
  for (const [name, address] of Object.entries(await variables(child, 2))) vi.stubEnv(name, address)

  const firestore = new Firestore({ projectId: 'demo-alone' })
  await firestore.doc('c/d').set({ n: 1 })
  expect((await firestore.doc('c/d').get()).get('n')).toBe(1)
  const pubsub = new PubSub({ projectId: 'demo-alone' })
  expect((await pubsub.createTopic('jobs'))[0].name).toBe('projects/demo-alone/topics/jobs')
  await Promise.all([firestore.terminate(), pubsub.close()])

  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  expect(await exited).toEqual([0, null])
})

test('keeps what is written in a folder', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'imx-engines-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const values: unknown[] = []
  for (const n of [1, 2]) {
    const child = start('--firestore-port', '0', '--persist', folder)
    const { FIRESTORE_EMULATOR_HOST: host = '' } = await variables(child, 1)
    vi.stubEnv('FIRESTORE_EMULATOR_HOST', host)
    const firestore = new Firestore({ projectId: 'demo-alone' })
    values.push((await firestore.doc('c/d').get()).get('n'))
    await firestore.doc('c/d').set({ n })
    await firestore.terminate()
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }
  expect(values).toEqual([undefined, 1])
})

test('runs a command with the addresses, and ends with its code', async () => {
  const print = 'console.log(process.env.FIRESTORE_EMULATOR_HOST, process.env.GCLOUD_PROJECT); process.exit(7)'
  const { out, code } = await run('--firestore-port', '0', '--project', 'demo-x', '--', 'node', '-e', print)
  expect(out).toMatch(/^127\.0\.0\.1:\d+ demo-x$/m)
  // Only what is named is started.
  expect(out).not.toContain('Pub/Sub')
  expect(code).toBe(7)
})

test('Cloud Tasks is started when it is asked for', async () => {
  const path = '/v2/projects/p/locations/l/queues'
  const ask = `fetch('http://' + process.env.CLOUD_TASKS_EMULATOR_HOST + '${path}').then(({ status }) => process.exit(status - 200 + 9))`
  expect(await run('--tasks-port', '0', '--', 'node', '-e', ask)).toMatchObject({ code: 9 })
})

test('says what is wrong with its arguments', async () => {
  expect(await run('--firestore-port', 'x')).toMatchObject({
    code: 1,
    error: 'imx-engines: --firestore-port: expected a port between 0 and 65535, got "x"\n',
  })
  const unknown = await run('--bad')
  expect(unknown.code).toBe(2)
  expect(unknown.error).toContain("Unknown option '--bad'")
  expect(await run('--pubsub-port', '0', '--', 'no-such-command')).toMatchObject({ code: 127 })
})
