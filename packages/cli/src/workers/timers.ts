// Waits most of the time, as an agent that depends on others does.
import { setTimeout as delay } from 'node:timers/promises'
import { act, status } from './report.ts'

for (let round = 0; round < 6; round++) {
  status({ status: 'waiting', reason: 'for a timer' })
  await delay(1000 + Math.random() * 2000)
  status({ status: 'running' })
  await act('sum', () => Array.from({ length: 100_000 }, (_, i) => i).reduce((sum, i) => sum + i, 0))
  await delay(300)
}
