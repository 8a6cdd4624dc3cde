import { medianOf } from '../measure.ts'

/** What a contender did in one of its turns. */
export interface Turn {
  events: number
  documents: number
}

export interface Rates {
  eventsPerSecond: number
  documentsPerSecond: number
  /** By the processor time of this process, whose clients are what is measured. */
  eventsPerCoreSecond: number
  documentsPerCoreSecond: number
}

export interface Contender {
  /** Outside of the clock: what to play, and afterwards what was done. */
  prepare?: () => void
  play: () => Promise<unknown>
  count: () => Promise<Turn> | Turn
}

const warmUpRounds = 5

const measured = async ({ prepare, play, count }: Contender): Promise<Rates> => {
  prepare?.()
  globalThis.gc?.()
  const cpuBefore = process.cpuUsage()
  const startedAt = performance.now()
  await play()
  const seconds = (performance.now() - startedAt) / 1000
  const { user, system } = process.cpuUsage(cpuBefore)
  const coreSeconds = (user + system) / 1e6
  const { events, documents } = await count()
  return {
    eventsPerSecond: events / seconds,
    documentsPerSecond: documents / seconds,
    eventsPerCoreSecond: events / coreSeconds,
    documentsPerCoreSecond: documents / coreSeconds,
  }
}

/** The medians of some rounds after five to warm up. Contenders take turns, so that a busy machine slows them alike. */
export const inTurns = async <Name extends string>(
  contenders: Record<Name, Contender>,
  rounds = 3,
): Promise<Record<Name, Rates>> => {
  const names = Object.keys(contenders) as Name[]
  const results = new Map<Name, Rates[]>(names.map((name) => [name, []]))
  for (let round = -warmUpRounds; round < rounds; round++)
    for (const name of names) {
      const rates = await measured(contenders[name])
      if (round >= 0) results.get(name)?.push(rates)
    }
  const median = (all: readonly Rates[], key: keyof Rates) => medianOf(all.map((rates) => rates[key]))
  return Object.fromEntries(
    names.map((name) => {
      const all = results.get(name) ?? []
      const rates: Rates = {
        eventsPerSecond: median(all, 'eventsPerSecond'),
        documentsPerSecond: median(all, 'documentsPerSecond'),
        eventsPerCoreSecond: median(all, 'eventsPerCoreSecond'),
        documentsPerCoreSecond: median(all, 'documentsPerCoreSecond'),
      }
      return [name, rates]
    }),
  ) as Record<Name, Rates>
}
