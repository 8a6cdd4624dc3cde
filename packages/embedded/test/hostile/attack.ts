import { expect } from 'vitest'
import { EngineProcess, type EngineName } from './engine-process.ts'
import { encoded } from './messages.ts'
import { RawGrpc, framed, type RawAnswer, type RawCall } from './raw-grpc.ts'
import { attackedMethods, QUEUES, type AttackedMethod } from './services.ts'

const INTERNAL = '13'
const OWNER = { authorization: 'Bearer owner' }

/** What no client may ever be told: that the engine itself failed. */
const isFault = ({ status, message }: RawAnswer): boolean =>
  status === INTERNAL || status.startsWith('http') || /Internal error|Engine fault|TypeError|RangeError/.test(message)

/** Engines under attack, and what came of it so far. */
export class Attack {
  readonly engines: EngineProcess
  readonly methods: readonly AttackedMethod[] = attackedMethods()
  /** What the engines blamed on themselves. */
  readonly faults: string[] = []
  readonly #clients: Record<EngineName, RawGrpc>

  private constructor(engines: EngineProcess) {
    this.engines = engines
    const { firestore, pubsub, tasks } = engines.ports
    this.#clients = { firestore: new RawGrpc(firestore), pubsub: new RawGrpc(pubsub), tasks: new RawGrpc(tasks) }
  }

  static async begin(flags: readonly string[] = []): Promise<Attack> {
    return new Attack(await EngineProcess.start(flags))
  }

  method(path: string): AttackedMethod {
    const found = this.methods.find((method) => method.path === path)
    if (!found) throw new Error(`There is no method ${path}.`)
    return found
  }

  async call(engine: EngineName, call: RawCall): Promise<RawAnswer> {
    const answer = await this.#clients[engine].call({ headers: OWNER, ...call })
    if (isFault(answer)) this.faults.push(`${call.path} ${answer.status} ${answer.message}`)
    return answer
  }

  /** A call as a client with manners would make it. */
  send({ engine, path, request }: AttackedMethod, message: object): Promise<RawAnswer> {
    return this.call(engine, { path, body: framed(encoded(request, message)) })
  }

  /** Topics, a subscription and a queue of the names in `services.ts`, as far as they are gone. */
  async restore(): Promise<void> {
    const topic = 'projects/p/topics/topic'
    const parent = 'projects/p/locations/l'
    await this.send(this.method('/google.pubsub.v1.Publisher/CreateTopic'), { name: topic })
    await this.send(this.method('/google.pubsub.v1.Subscriber/CreateSubscription'), {
      name: 'projects/p/subscriptions/some',
      topic,
    })
    for (const name of QUEUES) {
      await this.send(this.method('/google.cloud.tasks.v2.CloudTasks/CreateQueue'), { parent, queue: { name } })
    }
  }

  /** The engines are there, serve what is right, and have said nothing of faults. */
  async expectWell(): Promise<void> {
    const name = 'projects/well/databases/(default)/documents/c/d'
    const update = { name, fields: { a: { stringValue: 'é' } } }
    const answers = [
      await this.send(this.method('/google.firestore.v1.Firestore/Commit'), {
        database: 'projects/well/databases/(default)',
        writes: [{ update }],
      }),
      await this.send(this.method('/google.firestore.v1.Firestore/GetDocument'), { name }),
      await this.send(this.method('/google.pubsub.v1.Publisher/ListTopics'), { project: 'projects/well' }),
      await this.send(this.method('/google.cloud.tasks.v2.CloudTasks/ListQueues'), {
        parent: 'projects/well/locations/l',
      }),
    ]
    expect(answers.map(({ status }) => status)).toEqual(['0', '0', '0', '0'])
    for (const port of Object.values(this.engines.ports)) {
      expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200)
    }
    expect(this.faults).toEqual([])
    expect(this.engines.log.filter((line) => !line.includes('listening on'))).toEqual([])
    expect(this.engines.exit).toBeNull()
  }

  async end(): Promise<void> {
    for (const client of Object.values(this.#clients)) client.close()
    await this.engines.stop()
  }
}
