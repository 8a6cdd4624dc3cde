// Works well for a while, and then fails in about half of its runs, so that failures are seen.
import { setTimeout as delay } from 'node:timers/promises'
import { act, step } from './report.ts'

for (let round = 0; round < 5; round++) {
  step({ step: 'thought' })
  await act('json', () => JSON.parse(JSON.stringify({ round })) as unknown)
  await delay(800)
}
if (Math.random() < 0.5) throw new Error('the result did not add up')
console.log('the result added up')
