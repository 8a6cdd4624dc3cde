import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { Attack } from './attack.ts'
import { anyMessage, encoded, mutated } from './messages.ts'
import { Random } from './random.ts'
import { framed } from './raw-grpc.ts'

const SEED = 20_261_120
const INVALID_ARGUMENT = '3'

const TOKENS = ['Bearer x.y.z', 'Bearer ', 'x', 'Bearer eyJhbGciOiJub25lIn0.e30.', `Bearer ${'a'.repeat(5000)}`]
const STREAMS = /\/(Listen|Write|StreamingPull)$/
// What stays open for as long as the client likes.
const WAITS = /\/(Listen|StreamingPull|Pull)$/

let attack: Attack

beforeAll(async () => {
  attack = await Attack.begin()
}, 30_000)
afterEach(() => attack.expectWell())
afterAll(() => attack.end())

test('bytes that are no message are the fault of the client, of whatever method', async () => {
  const { methods } = attack
  const answers = await Promise.all(
    methods.map(async ({ engine, path }) => [
      path,
      (await attack.call(engine, { path, body: framed(Buffer.alloc(12, 0xff)) })).status,
    ]),
  )
  const unimplemented = /Batch(Create|Delete)Tasks|CmekConfig/
  expect(answers.filter(([path, status]) => status !== INVALID_ARGUMENT && !unimplemented.test(path ?? ''))).toEqual([])
})

test('messages at random, and what accidents make of them', { timeout: 60_000 }, async () => {
  const random = new Random(SEED)
  const attempt = async ({ engine, path, request, words }: Attack['methods'][number]) => {
    const one = () => {
      const bytes = encoded(request, anyMessage(request, random, words))
      return framed(random.chance(0.25) ? mutated(bytes, random) : bytes)
    }
    const body = STREAMS.test(path) ? Buffer.concat([one(), one(), one()]) : one()
    const cancelAfterMs = WAITS.test(path) || random.chance(0.05) ? random.below(30) : undefined
    await attack.call(engine, {
      path,
      body,
      ...(random.chance(0.1) && { headers: { authorization: random.pick(TOKENS) } }),
      ...(cancelAfterMs !== undefined && { cancelAfterMs }),
    })
  }
  for (let round = 0; round < 16; round++) {
    if (round % 3 === 0) await attack.restore()
    await Promise.all(attack.methods.map(attempt))
    expect(attack.faults).toEqual([])
  }
})
