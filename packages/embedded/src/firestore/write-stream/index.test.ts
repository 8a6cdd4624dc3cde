import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { Code } from '../../wire/status-error.ts'
import { OWNER, type Principal } from '../access/principal.ts'
import { Engine } from '../engine.ts'
import { DATABASE, deleteWrite, setWrite } from '../listen/testing.ts'
import type { Write } from '../rpc/messages.ts'
import { openWriteStream } from './index.ts'

const USER: Principal = { kind: 'user', claims: null }

interface Response {
  streamId?: string
  streamToken?: Uint8Array
  writeResults?: object[]
}

const setUp = (principal = OWNER, engine = new Engine(Date.now)) => {
  const responses: Response[] = []
  let ended: 'end' | { error: unknown } | null = null
  const stream = openWriteStream(engine, principal, {
    send: (response) => responses.push(response) > 0,
    end: () => (ended = 'end'),
    fail: (error) => (ended = { error }),
  })
  const send = (writes: Write[], database = '') =>
    stream.receive({ database, streamId: '', streamToken: new Uint8Array(), writes })
  send([], DATABASE)
  const settled = async () => {
    for (let i = 0; i < 5; i++) await turn()
    return { tokens: responses.map(({ streamToken }) => Buffer.from(streamToken ?? []).toString()), ended }
  }
  const read = (path: string) => engine.database(DATABASE).find(path.split('/'))?.at()?.fields.get('n')
  return { engine, stream, send, settled, read }
}

const set = (path: string, n: bigint) => setWrite(path, { n })

describe('a stream of writes', () => {
  test('makes its commits in order, also when one has to wait', async () => {
    const { engine, send, settled, read } = setUp()
    const coordinator = engine.coordinator(engine.database(DATABASE))
    const transaction = coordinator.transactions.begin(null)
    await coordinator.lockDocuments(transaction, ['c/held'])
    send([set('c/x', 1n)])
    send([set('c/held', 1n)])
    send([set('c/x', 2n)])
    expect((await settled()).tokens).toEqual(['0', '1'])
    expect(read('c/x')).toBe(1n)
    coordinator.transactions.end(transaction)
    expect(await settled()).toEqual({ tokens: ['0', '1', '2', '3'], ended: null })
    expect([read('c/held'), read('c/x')]).toEqual([1n, 2n])
  })

  test('ends with the first commit that fails, and makes none that comes after', async () => {
    const { send, settled, read } = setUp()
    send([set('c/x', 1n)])
    send([{ ...set('c/none', 1n), currentDocument: { conditionType: 'exists', exists: true, updateTime: null } }])
    send([deleteWrite('c/x')])
    const { tokens, ended } = await settled()
    expect(tokens).toEqual(['0', '1'])
    expect(ended).toMatchObject({ error: { code: Code.NOT_FOUND } })
    expect(read('c/x')).toBe(1n)
  })

  test('is for whom the rules let write', async () => {
    const engine = new Engine(Date.now)
    engine.rules.load(
      'p',
      `rules_version = '2'; service cloud.firestore { match /databases/{d}/documents/c/{id} {
        allow write: if request.resource.data.n < 2; } }`,
    )
    const { send, settled, read } = setUp(USER, engine)
    send([set('c/x', 1n)])
    send([set('c/x', 2n)])
    expect((await settled()).ended).toMatchObject({ error: { code: Code.PERMISSION_DENIED } })
    expect(read('c/x')).toBe(1n)
  })

  test('goes on to the end with what was sent before the client said that it was all', async () => {
    const { stream, send, settled, read } = setUp()
    send([set('c/x', 1n)])
    stream.halfClose()
    expect(await settled()).toEqual({ tokens: ['0', '1'], ended: 'end' })
    expect(read('c/x')).toBe(1n)
  })

  test('whose client is gone makes no more commits and tells nothing', async () => {
    const { stream, send, settled, read } = setUp()
    send([set('c/x', 1n)])
    await settled()
    send([set('c/x', 2n)])
    stream.cancel()
    send([set('c/x', 3n)])
    const { tokens, ended } = await settled()
    expect([tokens.length, ended]).toEqual([2, null])
    expect(read('c/x')).toBe(1n)
  })
})
