/** Waits for work to settle, and for so long at most: the work goes on by itself then. */
export const settledWithin = async (work: Promise<unknown>, seconds: number): Promise<'settled' | 'late'> => {
  const { promise: late, resolve } = Promise.withResolvers<'late'>()
  const timer = setTimeout(() => resolve('late'), seconds * 1000)
  try {
    return await Promise.race([work.then(() => 'settled' as const), late])
  } finally {
    clearTimeout(timer)
  }
}
