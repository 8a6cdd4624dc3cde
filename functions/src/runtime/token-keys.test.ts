import { sign, verify } from 'node:crypto'
import { platformTenant } from '@infinity-matrix/contracts'
import { testNowMs } from '@infinity-matrix/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { context, type Context } from './context.ts'
import { createTenantKeys } from './tenant-keys.ts'
import { createKeeper, startLocalEngines, type LocalEngines } from './testing.ts'
import { createTokenKeys } from './token-keys.ts'

let engines: LocalEngines
let shared: Context
let atMs = testNowMs
const nowMs = () => atMs

beforeAll(async () => {
  engines = await startLocalEngines('demo-token-keys')
  shared = { ...(await context()), nowMs }
})
afterAll(async () => {
  await Promise.all([shared.firestore.terminate(), shared.pubsub.close(), shared.batches.close()])
  await engines.close()
})

const { keeper, asked } = createKeeper()
const instance = () => {
  const keys = createTenantKeys(shared, () => keeper)
  return { keys, ...createTokenKeys({ keys, nowMs }) }
}
const pass = (seconds: number) => {
  atMs += seconds * 1000
}
const text = Buffer.from('text')

it('every instance has the same keys, and another has what one signed verified', async () => {
  const [one, another] = [instance(), instance()]
  const { version, privateKey, challengeKey } = await one.current()
  const known = await another.believed(String(version))
  expect(known && verify(null, text, known.publicKey, sign(null, text, privateKey))).toBe(true)
  expect(known?.challengeKey).toEqual(challengeKey)
})

it('nothing is asked for the sake of a token, whatever it names', async () => {
  const { believed } = instance()
  await believed('1')
  const before = asked.unwrap
  for (const kid of ['1', '2', '999999999', '0', '-1', '01', '1e3', 'x', '', undefined])
    expect((await believed(kid))?.version).toBe(kid === '1' ? 1 : undefined)
  expect(asked.unwrap).toBe(before)
})

it('a new version signs once every instance knows it, and what the one before signed is still believed', async () => {
  const [one, another] = [instance(), instance()]
  expect((await one.current()).version).toBe(1)
  expect((await another.current()).version).toBe(1)
  await one.keys.rotate(platformTenant)
  pass(119)
  expect([(await one.current()).version, (await another.current()).version]).toEqual([1, 1])
  pass(1)
  expect((await one.current()).version).toBe(2)
  const seen = ['1', '2'].map(async (kid) => (await another.believed(kid))?.version)
  expect(await Promise.all(seen)).toEqual([1, 2])

  await one.keys.rotate(platformTenant)
  pass(120)
  expect((await one.current()).version).toBe(3)
  expect(await another.believed('1')).toBeUndefined()
})
