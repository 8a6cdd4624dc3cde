import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as passed } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { Client, credentials } from '@grpc/grpc-js'
import { expect, onTestFinished, test } from 'vitest'
import { serviceDefinition } from '../../wire/grpc-service.ts'
import { loadProtos } from '../../wire/protos.ts'

const KILLS = Number(process.env['IMX_KILLS'] ?? 20)
const topic = 'projects/demo-test/topics/events'
const subscription = 'projects/demo-test/subscriptions/worker'
const engineModule = pathToFileURL(join(import.meta.dirname, '../engine.ts')).href

// Compacts its log often, and ends with whoever started it.
const program = `
  import { startPubSubEngine } from ${JSON.stringify(engineModule)}
  process.stdin.on('end', () => process.exit()).resume()
  await startPubSubEngine({ persistIn: process.argv[1], compactAfterBytes: 50_000, log: console.log })
`

/** Random numbers from 0 to 1, the same in each run. */
const random = (seed: number) => {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

const start = async (folder: string): Promise<{ child: ChildProcess; host: string; port: number }> => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, folder], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  for await (const line of createInterface({ input: child.stdout })) {
    const [, host, port] = /listening on (.*):(\d+)$/.exec(line) ?? []
    if (host && port) return { child, host, port: Number(port) }
  }
  throw new Error('the engine ended')
}

interface Received {
  receivedMessages: { ackId: string; message: { messageId: string } }[]
}

const root = loadProtos('pubsub')
const methods = {
  ...serviceDefinition(root, 'google.pubsub.v1.Publisher'),
  ...serviceDefinition(root, 'google.pubsub.v1.Subscriber'),
}

/** Calls without a client library's retries: what was not answered stays so. */
const connect = ({ host, port }: { host: string; port: number }) => {
  const client = new Client(`${host}:${port}`, credentials.createInsecure())
  onTestFinished(() => client.close())
  return <Response = unknown>(name: string, request: object): Promise<Response> =>
    new Promise((resolve, reject) => {
      const method = methods[name]
      if (!method) throw new Error(`no method ${name}`)
      const { path, requestSerialize, responseDeserialize } = method
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, (error, response) => {
        if (error) reject(error)
        else resolve(response as Response)
      })
    })
}

const kill = async (child: ChildProcess): Promise<void> => {
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}

test(
  `what was answered is kept when the process is killed, ${KILLS} times at random moments`,
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'pubsub-kill-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const next = random(7)
    const published = new Set<string>()
    const received = new Set<string>()
    const acknowledged = new Set<string>()
    const problems: string[] = []

    const take = ({ receivedMessages }: Received): Received['receivedMessages'] => {
      for (const { message } of receivedMessages) {
        if (acknowledged.has(message.messageId)) problems.push(`${message.messageId} came again`)
        received.add(message.messageId)
      }
      return receivedMessages
    }
    const publishing = async (call: ReturnType<typeof connect>): Promise<never> => {
      for (;;) {
        const messages = Array.from({ length: 1 + Math.floor(next() * 5) }, () => ({ data: Buffer.alloc(300, 'x') }))
        const { messageIds } = await call<{ messageIds: string[] }>('Publish', { topic, messages })
        for (const id of messageIds) published.add(id)
      }
    }
    const consuming = async (call: ReturnType<typeof connect>): Promise<never> => {
      for (;;) {
        const taken = take(await call<Received>('Pull', { subscription, maxMessages: 20 }))
        // Some are left for later.
        const done = taken.filter(() => next() < 0.7)
        if (done.length === 0) continue
        await call('Acknowledge', { subscription, ackIds: done.map(({ ackId }) => ackId) })
        for (const { message } of done) acknowledged.add(message.messageId)
      }
    }

    for (let round = 0; round < KILLS; round++) {
      const engine = await start(folder)
      const call = connect(engine)
      if (round === 0) {
        await call('CreateTopic', { name: topic })
        await call('CreateSubscription', { name: subscription, topic, enableExactlyOnceDelivery: true })
      }
      const working = Promise.allSettled([publishing(call), publishing(call), consuming(call)])
      await passed(20 + next() * 200)
      await kill(engine.child)
      await working
    }

    const engine = await start(folder)
    onTestFinished(() => kill(engine.child))
    const call = connect(engine)
    while (take(await call<Received>('Pull', { subscription, maxMessages: 1000, returnImmediately: true })).length > 0);
    expect(problems).toEqual([])
    expect([...published].filter((id) => !received.has(id))).toEqual([])
    expect(published.size).toBeGreaterThan(KILLS)
    expect(acknowledged.size).toBeGreaterThan(KILLS)
    process.stdout.write(`${published.size} published, ${acknowledged.size} acknowledged, ${KILLS} kills\n`)
  },
  60_000 + KILLS * 3000,
)
