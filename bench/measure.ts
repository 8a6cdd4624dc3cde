/**
 * One figure. `limit` is what the same client reached against a server that does nothing, in the same run, or a fixed
 * bound where the unit is not a rate; `ratio` is value / limit.
 */
export interface Row {
  name: string
  value: number
  unit: string
  limit: number | null
  ratio: number | null
}

export const row = (name: string, value: number, unit: string, limit: number | null = null): Row => ({
  name,
  value: rounded(value),
  unit,
  limit: limit === null ? null : rounded(limit),
  ratio: limit === null ? null : Number((value / limit).toFixed(3)),
})

const rounded = (value: number) => (value >= 100 ? Math.round(value) : Number(value.toPrecision(3)))

export const medianOf = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0

/** @param fraction from 0 to 1 */
export const percentileOf = (values: readonly number[], fraction: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * fraction))] ?? 0

export interface Load {
  /** Pieces of work under way at once. */
  inFlight: number
  /** Pieces of work in a round. */
  count: number
  /** Units that one piece counts for. */
  size?: number
}
type Work = (index: number) => Promise<unknown>

const roundsOfEach = 3

const onePass = async ({ inFlight, count, size = 1 }: Load, work: Work): Promise<number> => {
  let next = 0
  const worker = async () => {
    while (next < count) await work(next++)
  }
  const startedAt = performance.now()
  await Promise.all(Array.from({ length: inFlight }, worker))
  return (count * size) / ((performance.now() - startedAt) / 1000)
}

/**
 * Units of work per second for each contender: once to warm up, then the median of three rounds. Contenders take turns,
 * so that a busy machine slows them alike.
 */
export const ratesPerSecond = async <Name extends string>(
  load: Load,
  contenders: Record<Name, Work>,
): Promise<Record<Name, number>> => {
  const names = Object.keys(contenders) as Name[]
  const rates = new Map<Name, number[]>(names.map((name) => [name, []]))
  for (const name of names) await onePass(load, contenders[name])
  for (let round = 0; round < roundsOfEach; round++)
    for (const name of names) rates.get(name)?.push(await onePass(load, contenders[name]))
  return Object.fromEntries([...rates].map(([name, values]) => [name, medianOf(values)])) as Record<Name, number>
}
