import { troubled } from '@infinity-matrix/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { channelReports, giveUpMissing, missingSecondsMax, startSeconds, type Channelled } from './channel.ts'

const since = '2026-01-01T00:00:00.000Z'
const after = (seconds: number) => new Date(Date.parse(since) + seconds * 1000).toISOString()
const item = (sequence: number, isSnapshot = false) => ({ sequence, isSnapshot, json: String(sequence) })
const begin = { tenant: 'acme', since, createdAt: since, now: since }

/** What is delivered when items come one group after the other. */
const deliver = (groups: readonly (readonly number[])[], options: Partial<typeof begin> = {}) => {
  const due: number[] = []
  let channelled: Channelled | undefined
  for (const group of groups) {
    channelled = channelReports(
      channelled?.channel,
      group.map((sequence) => item(sequence)),
      { ...begin, ...options },
    )
    due.push(...channelled.due.map(Number))
  }
  return { due, channel: channelled?.channel }
}

describe('reports of an agent', () => {
  it('come out once each and in order, however they came, in whatever groups', () => {
    const trouble = fc
      .integer({ min: 1, max: 30 })
      .chain((length) => troubled(Array.from({ length }, (_, index) => index + 1)))
    fc.assert(
      fc.property(
        trouble,
        fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 60, maxLength: 60 }),
        (items, sizes) => {
          const groups: number[][] = []
          for (let at = 0, group = 0; at < items.length; at += sizes[group++] ?? 1)
            groups.push(items.slice(at, at + (sizes[group] ?? 1)))
          const { due, channel } = deliver(groups)
          const length = Math.max(...items)
          expect(due).toEqual(Array.from({ length }, (_, index) => index + 1))
          expect(channel).toMatchObject({ next: length + 1, isWaiting: false, waiting: [] })
        },
      ),
    )
  })

  it('wait for a missing one', () => {
    const { due, channel } = deliver([[1], [3, 4]])
    expect(due).toEqual([1])
    expect(channel).toMatchObject({ next: 2, isWaiting: true, waitingSince: since })
  })

  it('do not wait when a snapshot replaces what is missing', () => {
    const waiting = deliver([[1], [5, 3]]).channel
    expect(channelReports(waiting, [item(4, true)], begin).due).toEqual(['4', '5'])
  })

  it('that waited too long go on after the hole, and what was missing is dropped', () => {
    const { channel } = deliver([[1], [3, 5]])
    if (!channel) throw new Error('a channel begins with its first report')
    expect(giveUpMissing(channel, after(missingSecondsMax - 1)).due).toEqual([])
    const resumed = giveUpMissing(channel, after(missingSecondsMax))
    expect(resumed.due).toEqual(['3'])
    expect(channelReports(resumed.channel, [item(2), item(4)], begin).due).toEqual(['4', '5'])
  })

  it('are more than a channel holds when very many wait', () => {
    const many = Array.from({ length: 201 }, (_, index) => item(index + 2))
    expect(channelReports(undefined, many, begin).isFull).toBe(true)
  })
})

describe('an agent that reported before its tenant had subscriptions', () => {
  const createdAt = after(-60)

  it('begins with what is seen first; what comes late at first is not lost', () => {
    expect(deliver([[8], [7], [9], [8]], { createdAt }).due).toEqual([8, 7, 9])
  })

  it('has its duplicates dropped after that', () => {
    const { channel } = deliver([[8]], { createdAt })
    expect(channelReports(channel, [item(7)], { ...begin, createdAt, now: after(startSeconds) }).due).toEqual([])
  })

  it('begins anew when its tenant had none for a while', () => {
    const { channel } = deliver([[8]], { createdAt })
    const again = channelReports(channel, [item(50)], { ...begin, createdAt, since: after(100), now: after(101) })
    expect(again.due).toEqual(['50'])
  })
})
