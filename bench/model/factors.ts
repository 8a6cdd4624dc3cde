import type { Factors } from './model.ts'

/** What the code makes of a load. `factors.test.ts` counts each on the engines. */
export const factors: Factors = {
  readsPerAgentWindow: 1,
  writesPerAgentWindow: 1,
  receiptsPerMessage: 1,
  writesPerHeartbeat: 1,
  // A share is taken anew every 15 seconds.
  governorPerSecond: 1 / 15,
}
