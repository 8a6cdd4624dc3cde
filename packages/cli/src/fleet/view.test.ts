import { stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'
import { addressesTable, liveView, plainLine } from './view.ts'
import type { Sight } from './watch.ts'

const sight: Sight = {
  uptimeSeconds: 65.4,
  eventsPerSecond: 12.34,
  lagMs: { p50: 20, p95: 40, p99: 90 },
  byStatus: { new: 0, running: 3, waiting: 1, draining: 0, succeeded: 0, failed: 2, completed: 0, cancelled: 0 },
  deadLetters: 7,
  tally: {
    applied: 100,
    duplicates: 5,
    parked: 0,
    released: 0,
    refused: 0,
    delivered: 105,
    lagMs: { p50: 1, p95: 2, p99: 3 },
  },
}

test('one line tells rate, agents by status, lag, dead letters and uptime', () => {
  expect(plainLine(sight)).toBe(
    'up 1m 5s · 12.3 events/s · 3 running, 1 waiting, 2 failed · lag p50 20 p95 40 p99 90 ms · 7 dead letters',
  )
})

test('the live view tells the same, and only of statuses that occur', () => {
  const text = stripVTControlCharacters(liveView(sight))
  for (const part of ['running', '12.3', 'p50 20 ms', 'p95 40 ms', 'p99 90 ms', '7 letters', '1m 5s']) {
    expect(text).toContain(part)
  }
  expect(text).not.toContain('cancelled')
})

test('the addresses stand in a table', () => {
  const text = stripVTControlCharacters(addressesTable([{ name: 'firestore', host: '127.0.0.1', port: 8080 }]))
  expect(text).toMatch(/firestore\s+│\s+127\.0\.0\.1:8080/)
})
