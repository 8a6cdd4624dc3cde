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

const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0

/**
 * How often `work` gets done per second: `inFlight` at once, `count` in all, once to warm up and then the median of
 * `rounds`. `size` is how many units one piece of work counts for.
 */
export const ratePerSecond = async (
  { inFlight, count, size = 1, rounds = 3 }: { inFlight: number; count: number; size?: number; rounds?: number },
  work: (index: number) => Promise<unknown>,
): Promise<number> => {
  const once = async (pieces: number) => {
    let next = 0
    const worker = async () => {
      while (next < pieces) await work(next++)
    }
    const startedAt = performance.now()
    await Promise.all(Array.from({ length: inFlight }, worker))
    return (pieces * size) / ((performance.now() - startedAt) / 1000)
  }
  await once(Math.min(count, inFlight * 4))
  const rates: number[] = []
  for (let round = 0; round < rounds; round++) rates.push(await once(count))
  return median(rates)
}
