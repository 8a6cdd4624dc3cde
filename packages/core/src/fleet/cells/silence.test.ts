import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  createCell,
  latenessSecondsMax,
  leftKeptSeconds,
  loadCell,
  silenceEvent,
  silentKeptSeconds,
  type Cell,
} from '../index.ts'

const kind = (silenceBoundSeconds = 30) => ({
  tenant: 'acme',
  region: 'us-west1',
  tier: 'standard' as const,
  silenceBoundSeconds,
})
const voice = (
  key: string,
  heardAt: number,
  { leftAt = 0, bound = 30, will = undefined as string | undefined } = {},
) => ({
  key,
  kind: kind(bound),
  heardAt,
  leftAt,
  will: will === undefined ? undefined : { at: heardAt, json: will },
})
const cellOf = (...voices: ReturnType<typeof voice>[]) => {
  const cell = createCell('0000')
  for (const one of voices) cell.hear(one, one.heardAt)
  return cell
}
/** What a sweep tells, which is noted as told. */
const tell = (cell: Cell, now: number) => {
  const news = cell.silences(now)
  for (const one of news) cell.noteTold(one, now)
  return news.map(({ key, status, at }) => `${key} ${status} ${at}`)
}
const late = latenessSecondsMax

describe('a silence', () => {
  it('is told when bound and lateness are over, not before, and once', () => {
    const cell = cellOf(voice('a', 100), voice('b', 120))
    expect(tell(cell, 130 + late)).toEqual([])
    expect(tell(cell, 130.1 + late)).toEqual(['a silent 130'])
    expect(tell(cell, 131 + late)).toEqual([])
  })

  it('is told alike until it is noted as told', () => {
    const cell = cellOf(voice('a', 100, { will: '{"page":"ops"}' }))
    const [first, second] = [cell.silences(140), cell.silences(200)]
    expect(first).toHaveLength(1)
    expect(second).toEqual(first)
    expect(first.map(silenceEvent)).toEqual([
      {
        agentId: 'a',
        tenant: 'acme',
        region: 'us-west1',
        tier: 'standard',
        atMs: 130_000,
        said: {
          type: 'agent.went-silent.v1',
          data: { lastHeardAt: '1970-01-01T00:01:40.000Z', silenceBoundSeconds: 30, will: { page: 'ops' } },
        },
      },
    ])
  })

  it('has an end, told once, and a later one is another', () => {
    const cell = cellOf(voice('a', 100))
    tell(cell, 140)
    cell.hear(voice('a', 150), 150)
    expect(tell(cell, 151)).toEqual(['a heard 150'])
    expect(tell(cell, 152)).toEqual([])
    expect(tell(cell, 190)).toEqual(['a silent 180'])
  })

  it('ends later than it began by what its events say, though a heartbeat was later than may be', () => {
    const cell = cellOf(voice('a', 100))
    tell(cell, 136)
    cell.hear(voice('a', 110), 137)
    expect(tell(cell, 137)).toEqual(['a heard 131'])
  })

  it('follows the bound that was said last', () => {
    const cell = cellOf(voice('a', 100, { bound: 3600 }))
    cell.hear(voice('a', 110, { bound: 5 }), 110)
    cell.hear(voice('a', 105, { bound: 60 }), 111)
    expect(tell(cell, 116 + late)).toEqual(['a silent 115'])
  })

  it('means nothing of an agent that left, though a heartbeat of before comes later', () => {
    const cell = cellOf(voice('a', 100))
    cell.hear(voice('a', 0, { leftAt: 110 }), 110)
    cell.hear(voice('a', 109), 112)
    expect(tell(cell, 1000)).toEqual([])
    cell.hear(voice('a', 1001), 1001)
    expect(tell(cell, 1040)).toEqual(['a silent 1031'])
  })

  it('of a capability is told apart from that of its agent, and only while the agent is heard', () => {
    const cell = cellOf(voice('a', 100), voice('a gpu', 100))
    cell.hear(voice('a', 120), 120)
    expect(tell(cell, 140)).toEqual(['a gpu silent 130'])
    cell.hear(voice('a gpu', 145), 145)
    expect(tell(cell, 146)).toEqual(['a gpu heard 145'])
    cell.hear(voice('a', 146), 146)
    expect(tell(cell, 190)).toEqual(['a silent 176'])
  })
})

describe('what is said of an agent in the name of another tenant', () => {
  const foreign = (one: ReturnType<typeof voice>) => ({ ...one, kind: { ...one.kind, tenant: 'evil' } })
  const of = (cell: Cell, now: number) =>
    cell.silences(now).map(({ key, kind: { tenant }, status, will }) => `${key} of ${tenant} ${status} ${will}`)

  it.each([
    ['first', true],
    ['afterwards', false],
  ])('%s neither keeps it heard, nor has it leave, nor sets its will', (_when, isFirst) => {
    const own = [voice('a', 100, { will: '"ours"' }), voice('a gpu', 100)]
    const others = [
      foreign(voice('a', 0, { leftAt: 104 })),
      foreign(voice('a', 105, { will: '"theirs"', bound: 3600 })),
      foreign(voice('a gpu', 106, { bound: 3600 })),
    ]
    const cell = cellOf(...(isFirst ? [...others, ...own] : [...own, ...others]))
    expect(of(cell, 140)).toEqual(['a of acme silent "ours"'])
    expect(cell.size()).toBe(4)
  })

  it('is told of that tenant, and does not go on as its own when it is stored', () => {
    const cell = cellOf(voice('a', 100, { bound: 3600 }), foreign(voice('a', 100)))
    const [news] = cell.silences(140)
    if (news) cell.noteTold(news, 140)
    expect([news?.kind.tenant, cell.silences(141)]).toEqual(['evil', []])
    const { cell: stored, digest } = cell.toStored(142)
    const again = stored && loadCell('0000', { cell: stored, digest })
    expect(again?.size()).toBe(2)
    expect(again?.silences(143)).toEqual([])
    expect(again && of(again, 4000)).toEqual(['a of acme silent null'])
  })
})

describe('detection', () => {
  it('is within bound and lateness and one period, and never false while heartbeats are no later than they may be', () => {
    const periodSeconds = 2
    const beat = fc.record({
      everySeconds: fc.integer({ min: 20, max: 30 }),
      lateSeconds: fc.integer({ min: 0, max: late }),
    })
    fc.assert(
      fc.property(fc.array(beat, { minLength: 1, maxLength: 20 }), fc.nat(3), (beats, phase) => {
        const cell = createCell('0000')
        let time = 100
        const arrivals = beats.map(({ everySeconds, lateSeconds }) => {
          const sent = time
          time += everySeconds
          return { sent, arrives: sent + lateSeconds }
        })
        const lastSent = arrivals.at(-1)?.sent ?? 0
        const told: string[] = []
        let detectedAt = 0
        for (let now = 100 + phase / 2; now < lastSent + 60; now += periodSeconds) {
          for (const { sent, arrives } of arrivals) if (arrives <= now) cell.hear(voice('a', sent), now)
          const news = tell(cell, now)
          told.push(...news)
          if (news.length > 0) detectedAt = now
        }
        expect(told).toEqual([`a silent ${lastSent + 30}`])
        expect(detectedAt - (lastSent + 30)).toBeLessThanOrEqual(late + periodSeconds)
      }),
    )
  })
})

describe('an agent is forgotten', () => {
  it('with its capabilities, when it left or is silent for so long that nobody can miss it', () => {
    const cell = cellOf(voice('gone', 100), voice('gone gpu', 100), voice('silent', 100), voice('here', 100))
    cell.hear(voice('gone', 0, { leftAt: 110 }), 110)
    tell(cell, 140)
    const hour = 110 + leftKeptSeconds
    expect(cell.withoutForgotten(hour)).toBeUndefined()
    const next = cell.withoutForgotten(hour + 1)
    expect(next?.entries().map(({ key }) => key)).toEqual(['silent', 'here'])
    expect(next?.withoutForgotten(101 + silentKeptSeconds)?.size()).toBe(0)
  })
})
