import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { Firestore } from '@google-cloud/firestore'
import { PubSub } from '@google-cloud/pubsub'
import { expect, onTestFinished, test, vi } from 'vitest'
import { emulatorSuiteEnvironment } from './suite-environment.ts'

const bin = resolve(import.meta.dirname, '../../bin')
const projectId = 'demo-launcher'

interface Command {
  binary: string
  args: string[]
}

/** The command line with which the installed Firebase CLI starts an emulator. */
const cliCommand = (emulator: 'firestore' | 'pubsub', args: object): Command => {
  const environment = emulatorSuiteEnvironment()
  for (const name of ['PUBSUB_EMULATOR_BINARY_PATH', 'FIRESTORE_EMULATOR_BINARY_PATH']) {
    vi.stubEnv(name, environment[name] ?? '')
  }
  const require = createRequire(import.meta.url)
  const cli = require('firebase-tools/lib/emulator/downloadableEmulators.js') as {
    _getCommand(emulator: string, args: object): Command
  }
  return cli._getCommand(emulator, args)
}

const freePort = async (): Promise<number> => {
  const server = createServer()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  await new Promise((done) => server.close(done))
  return port
}

/** Started as the CLI does it: in a session of its own, stdin inherited, the rest piped. */
const start = ({ binary, args }: Command, extra: NodeJS.ProcessEnv = {}): ChildProcess => {
  const env = { ...emulatorSuiteEnvironment(), IMX_SCHEDULE_CLOCK_HOST: '', ...extra }
  const child = spawn(binary, args, { env, detached: true, stdio: ['inherit', 'pipe', 'pipe'] })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  return child
}

const untilListening = (child: ChildProcess): Promise<void> =>
  new Promise((done, reject) => {
    let output = ''
    const read = (chunk: Buffer) => {
      output += chunk.toString()
      if (output.includes('listening on')) done()
    }
    child.stdout?.on('data', read)
    child.stderr?.on('data', read)
    child.once('exit', (code) => reject(new Error(`exited with ${code}: ${output}`)))
  })

test('the Pub/Sub engine starts by the command line of the CLI, serves its client and ends on SIGINT', async () => {
  const port = await freePort()
  const child = start(cliCommand('pubsub', { host: '127.0.0.1', port, projectId, auto_download: true }))
  await untilListening(child)
  const client = new PubSub({ projectId, emulatorMode: true, apiEndpoint: `127.0.0.1:${port}` })
  const [topic] = await client.createTopic('events')
  expect(await topic.publishMessage({ data: Buffer.from('x') })).toMatch(/^\d+$/)
  await client.close()
  child.kill('SIGINT')
  expect(await once(child, 'exit')).toEqual([0, null])
})

test('the Firestore engine starts as if it were a jar, serves its client and ends on SIGINT', async () => {
  const port = await freePort()
  const args = { host: '127.0.0.1', port, websocket_port: 9150, project_id: projectId, single_project_mode: true }
  const command = cliCommand('firestore', { ...args, auto_download: true })
  expect(command.binary).toBe('java')
  const child = start(command)
  await untilListening(child)
  vi.stubEnv('METADATA_SERVER_DETECTION', 'none')
  vi.stubEnv('FIRESTORE_EMULATOR_HOST', `127.0.0.1:${port}`)
  const client = new Firestore({ projectId })
  await client.doc('things/one').set({ a: 1 })
  expect((await client.doc('things/one').get()).data()).toEqual({ a: 1 })
  await client.terminate()
  child.kill('SIGINT')
  expect(await once(child, 'exit')).toEqual([0, null])
})

test.each(['pubsub', 'firestore'] as const)(
  'a taken port ends %s with the words that the CLI looks for',
  async (name) => {
    const port = await freePort()
    const blocker = createServer().listen(port, '127.0.0.1')
    onTestFinished(() => {
      blocker.close()
    })
    const child = start(cliCommand(name, { host: '127.0.0.1', port }))
    const errors = child.stderr ? text(child.stderr) : Promise.resolve('')
    expect(await once(child, 'exit')).toEqual([1, null])
    expect(await errors).toContain(`address already in use 127.0.0.1:${port}`)
  },
)

test('an engine whose parent is killed ends by itself', async () => {
  const port = await freePort()
  const script = '"$0" --port="$1" >&2 & echo $!; wait'
  const parent = spawn('sh', ['-c', script, join(bin, 'pubsub-emulator'), String(port)], {
    env: { ...emulatorSuiteEnvironment(), IMX_SCHEDULE_CLOCK_HOST: '' },
  })
  const [line] = (await once(parent.stdout, 'data')) as [Buffer]
  const engine = Number(line.toString())
  await untilListening(parent)
  parent.kill('SIGKILL')
  await vi.waitFor(() => expect(() => process.kill(engine, 0)).toThrow('ESRCH'), { timeout: 4000 })
})

test('the java that stands first answers the version probe of the CLI with 21', async () => {
  const child = start({ binary: 'java', args: ['-Duser.language=en', '-Dfile.encoding=UTF-8', '-version'] })
  const output = child.stderr ? await text(child.stderr) : ''
  expect(Number(/version "([1-9][0-9]*)/.exec(output)?.[1])).toBeGreaterThanOrEqual(21)
})

test('any other jar goes to the java found further on PATH, with its arguments and exit code', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'imx-java-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'java'), '#!/bin/sh\necho "$@"\nexit 7\n')
  await chmod(join(folder, 'java'), 0o755)
  const PATH = [join(bin, 'java-first'), folder, '/usr/bin', '/bin'].join(':')
  const child = start({ binary: 'java', args: ['-jar', 'other.jar', '-version', 'a b'] }, { PATH })
  const [output, [code]] = await Promise.all([child.stdout ? text(child.stdout) : '', once(child, 'exit')])
  expect(output).toBe('-jar other.jar -version a b\n')
  expect(code).toBe(7)
})

test('a schedule clock that cannot listen ends the engine with the setting to change', async () => {
  const taken = createServer()
  await new Promise<void>((done) => taken.listen(0, '127.0.0.1', done))
  onTestFinished(() => {
    taken.close()
  })
  const address = `127.0.0.1:${(taken.address() as AddressInfo).port}`
  const command = { binary: join(bin, 'tasks-emulator'), args: [`--port=${await freePort()}`] }
  const child = start(command, { IMX_SCHEDULE_CLOCK_HOST: address })
  const errors = child.stderr ? text(child.stderr) : Promise.resolve('')
  expect(await once(child, 'exit')).toEqual([1, null])
  expect(await errors).toContain(`cannot listen on ${address}: the port is taken (IMX_SCHEDULE_CLOCK_HOST sets it)`)
})
