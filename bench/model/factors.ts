import { cellVoicesMax, digestIntervalSeconds, shardCount } from '@infinity-matrix/core/fleet'
import { pulseWindowMs } from '../../functions/src/fleet/cells/pulse-window.ts'
import type { Factors } from './model.ts'

/** What the code makes of a load. `factors.test.ts` counts each on the engines. */
export const factors: Factors = {
  readsPerAgentWindow: 1,
  writesPerAgentWindow: 1,
  receiptsPerMessage: 1,
  windowsPerMessage: 1,
  entriesPerMessage: 1,
  // As ledger/sealer.ts paces itself.
  sealsPerSecond: 2,
  writesPerSeal: 3,
  channelReadsPerAgentWindow: 1,
  channelWritesPerAgentWindow: 1,
  // A share is taken anew every 15 seconds.
  governorPerSecond: 1 / 15,
  pulseSeconds: pulseWindowMs / 1000,
  shards: shardCount,
  digestSeconds: digestIntervalSeconds,
  cellAgentsMax: cellVoicesMax,
  // As cells/sweeper.ts renews them, and functions/.env says of SWEEPERS.
  leaseSeconds: 5,
  agentsPerSweeper: 1_000_000,
}
