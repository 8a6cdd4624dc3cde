import { spawnSync } from 'node:child_process'
import { createServer, type AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { emulatorSuiteEnvironment, suitePreloads } from './suite-environment.ts'
import { TasksEmulator } from './tasks-emulator.ts'

const LOCATION = 'projects/demo-tasks/locations/us-central1'

/** What the CLI does with its Cloud Tasks emulator: finds the class by its module's name, starts, uses and stops it. */
const AS_THE_CLI = `
const { TasksEmulator } = require('firebase-tools/lib/emulator/tasksEmulator.js')
const { createServer } = require('node:net')
const free = createServer().listen(0, '127.0.0.1', async () => {
  const { port } = free.address()
  await new Promise((done) => free.close(done))
  const emulator = new TasksEmulator({ host: '127.0.0.1', port })
  await emulator.start()
  await emulator.connect()
  const url = 'http://127.0.0.1:' + port
  const register = await fetch(url + '/${LOCATION}/queues/work', { method: 'POST', body: '{"retryConfig": {"maxAttempts": 2}}' })
  const queue = await (await fetch(url + '/v2/${LOCATION}/queues/work')).json()
  await emulator.stop()
  const after = await fetch(url).catch((error) => error.cause.code)
  console.log(JSON.stringify({ info: emulator.getInfo(), port, registered: register.status, queue, after }))
})`

test('where the CLI asks for its own Cloud Tasks emulator it gets the engine', () => {
  const env = emulatorSuiteEnvironment({ ...process.env, IMX_SCHEDULE_CLOCK_HOST: '' })
  const { stdout, stderr } = spawnSync(process.execPath, [...suitePreloads, '--eval', AS_THE_CLI], {
    cwd: import.meta.dirname,
    env,
    encoding: 'utf8',
  })
  expect(stderr).toBe('')
  const { info, port, registered, queue, after } = JSON.parse(stdout) as Record<string, unknown>
  expect(info).toMatchObject({ name: 'tasks', host: '127.0.0.1', port })
  expect(registered).toBe(200)
  expect(queue).toMatchObject({ name: `${LOCATION}/queues/work`, retryConfig: { maxAttempts: 2 } })
  expect(after).toBe('ECONNREFUSED')
})

test('an engine that cannot listen fails the start with its reason', async () => {
  const taken = createServer()
  await new Promise<void>((done) => taken.listen(0, '127.0.0.1', done))
  onTestFinished(() => {
    taken.close()
  })
  const { port } = taken.address() as AddressInfo
  const emulator = new TasksEmulator({ host: '127.0.0.1', port })
  await expect(emulator.start()).rejects.toThrow(`address already in use 127.0.0.1:${port}`)
})
