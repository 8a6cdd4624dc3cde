import { describe, expect, it } from 'vitest'
import { createRandom } from '../random.ts'
import { checkSubscriber, ofTenant, promised } from './check-subscriber.ts'
import { createHistories } from './history.ts'

const startMs = Date.UTC(2026, 0, 1)
const all = createHistories(createRandom(7), { agentCount: 200, eventCount: 8000, startMs, prefix: 'agent' })
const tenant = 'tenant-1'
const histories = ofTenant(all, tenant)
const whole = histories.find(({ reports }) => promised({ reports }).length === reports.length)
const overtaken = histories.find(({ reports }) => promised({ reports }).length < reports.length)

const idsOf = (reports: readonly { id: string }[]) => reports.map(({ id }) => id)
const allHeard = histories.flatMap(({ reports }) => idsOf(reports))
const found = (heard: readonly string[]) =>
  checkSubscriber(histories, new Set(heard)).map(({ what, agentId, sequence }) => ({ what, agentId, sequence }))

describe('a subscriber', () => {
  it('that heard all reports of its tenant in order has nothing to complain of', () => {
    expect(histories.length).toBeGreaterThan(10)
    expect(found(allHeard)).toEqual([])
    expect(found([...allHeard, ...allHeard.slice(0, 50)])).toEqual([])
  })

  it('whose agents are heard among each other has nothing to complain of', () => {
    const turns = Math.max(...histories.map(({ reports }) => reports.length))
    const inTurns = Array.from({ length: turns }, (_, turn) =>
      histories.flatMap(({ reports }) => idsOf(reports.slice(turn, turn + 1))),
    )
    expect(found(inTurns.flat())).toEqual([])
  })

  it('that did not hear a report misses it', () => {
    const gone = whole?.reports[3]
    expect(found(allHeard.filter((id) => id !== gone?.id))).toEqual([
      { what: 'subscriberMissing', agentId: whole?.agentId, sequence: 4 },
    ])
  })

  it('that heard two reports the wrong way round heard one out of order', () => {
    const [early, late] = [whole?.reports[3]?.id ?? '', whole?.reports[4]?.id ?? '']
    const swapped = allHeard.map((id) => (id === early ? late : id === late ? early : id))
    expect(found(swapped)).toEqual([{ what: 'subscriberOutOfOrder', agentId: whole?.agentId, sequence: 5 }])
  })

  it('need not hear what a snapshot replaced', () => {
    const replaced = new Set(idsOf(overtaken?.reports ?? []))
    for (const { id } of promised({ reports: overtaken?.reports ?? [] })) replaced.delete(id)
    expect(replaced.size).toBeGreaterThan(0)
    expect(found(allHeard.filter((id) => !replaced.has(id)))).toEqual([])
  })

  it('must not hear of other tenants', () => {
    const other = all.find(({ reports }) => reports[0]?.tenant !== tenant)
    expect(found([...allHeard, ...idsOf(other?.reports.slice(0, 1) ?? [])])).toHaveLength(1)
  })
})
