// A rebuild of every agent, in a process of its own so that its memory is its own. Started by `rebuild`.
import { agentHistories, foldHistory, parquetArchive } from '@infinity-matrix/archive'

const startedAt = performance.now()
let [agents, events] = [0, 0]
for await (const history of agentHistories(parquetArchive(process.argv[2] ?? ''))) {
  agents++
  events += (await foldHistory(history)).events
}
const seconds = (performance.now() - startedAt) / 1000
process.send?.({ agents, events, seconds, memoryMiB: process.resourceUsage().maxRSS / 1024 })
