import { setTimeout as wait } from 'node:timers/promises'

const messages = 400
const intervalMs = 20

const percentile = (values: readonly number[], share: number) =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? 0

const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const startedAt = performance.now()
  await work()
  return performance.now() - startedAt
}

/**
 * At low load, what a delivery takes longer than one document's bare read and write, in milliseconds: one message every 20
 * ms, and between them the bare one; each delivery less the median of the bare ones.
 */
export const addedDelay = async (deliverOne: () => Promise<unknown>, bareOne: () => Promise<unknown>) => {
  const delivered: number[] = []
  const bare: number[] = []
  for (let i = 0; i < messages; i++) {
    delivered.push(await timed(deliverOne))
    await wait(intervalMs / 2)
    bare.push(await timed(bareOne))
    await wait(intervalMs / 2)
  }
  const median = percentile(bare, 0.5)
  return {
    p50: percentile(delivered, 0.5) - median,
    p99: percentile(delivered, 0.99) - median,
    bareP50: median,
    bareP99: percentile(bare, 0.99),
  }
}
