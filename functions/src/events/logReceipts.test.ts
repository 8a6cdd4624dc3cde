import { foldReceipt, testNowMs } from '@infinity-matrix/testing'
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import type { logReceipts } from './logReceipts.ts'

interface Line {
  message: string
  severity: string
  tenants: { tenant: string; applied: number; receipts: number; lagCounts: Record<string, number> }[]
  more: number
}

const lines: Line[] = []
let logger: typeof logReceipts
let deliverTo: typeof import('../runtime/testing.ts').deliverTo
let messages = 0
let atMs = testNowMs

beforeAll(async () => {
  // The logger writes with the console as it was when it was loaded.
  vi.spyOn(console, 'info').mockImplementation((line: string) => void lines.push(JSON.parse(line) as Line))
  vi.useFakeTimers({ toFake: ['Date'] })
  logger = (await import('./logReceipts.ts')).logReceipts
  deliverTo = (await import('../runtime/testing.ts')).deliverTo
})
afterAll(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})
beforeEach(async () => {
  await pass(2)
  await receive(foldReceipt({ tenant: 'before' }))
  lines.length = 0
})

const pass = async (seconds: number) => {
  atMs += seconds * 1000
  vi.setSystemTime(atMs)
}
const receive = async (json: unknown) => {
  const data = Buffer.from(typeof json === 'string' ? json : JSON.stringify(json)).toString('base64')
  const publishTime = new Date(atMs).toISOString()
  await deliverTo(logger, { messageId: `m${++messages}`, publishTime, data })
}
const tenantsOf = (line: Line | undefined) => line?.tenants.map(({ tenant, applied }) => [tenant, applied])

it('what passes within a second is one line, by tenant, those with the most first', async () => {
  await receive(foldReceipt({ tenant: 'a', applied: 2, lagMs: [5] }))
  await receive(foldReceipt({ tenant: 'b', applied: 9 }))
  await receive(foldReceipt({ tenant: 'a', applied: 3, lagMs: [5, 70_000] }))
  expect(lines).toEqual([])
  await pass(1)
  await receive(foldReceipt({ tenant: 'c', applied: 1 }))
  expect(lines).toHaveLength(1)
  expect(lines[0]).toMatchObject({ severity: 'INFO', message: 'folded', more: 0 })
  expect(tenantsOf(lines[0])).toEqual([
    ['b', 9],
    ['a', 5],
    ['c', 1],
  ])
  expect(lines[0]?.tenants[1]).toMatchObject({ receipts: 2, lagCounts: { 10: 2, more: 1 } })
})

it('a line is short, however many tenants there are', async () => {
  for (let tenant = 0; tenant < 500; tenant++)
    await receive(foldReceipt({ tenant: `tenant-${tenant}`, applied: tenant, lagMs: [1, 20, 300, 70_000] }))
  await pass(1)
  await receive(foldReceipt({ tenant: 'last' }))
  expect(lines[0]).toMatchObject({ more: 491 })
  expect(lines[0]?.tenants.map(({ applied }) => applied)).toEqual([499, 498, 497, 496, 495, 494, 493, 492, 491, 490])
  expect(JSON.stringify(lines[0]).length).toBeLessThan(4096)
})

it('a receipt that is delivered again is told again, and what is none is passed by', async () => {
  const receipt = foldReceipt({ tenant: 'a', applied: 2 })
  await receive(receipt)
  await receive(receipt)
  await receive('no JSON')
  await receive({ type: 'another.v1' })
  await pass(1)
  await receive('')
  expect(tenantsOf(lines[0])).toEqual([['a', 4]])
})
