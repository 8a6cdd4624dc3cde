// npm run simulate -- --agents 1000000 [--instances 24] [--seed 1] [--json]
import { parseArgs } from 'node:util'
import { defaults, simulate } from './simulate.ts'

const { values } = parseArgs({
  options: {
    agents: { type: 'string', default: '1000000' },
    instances: { type: 'string', default: String(defaults.instances) },
    seed: { type: 'string', default: String(defaults.seed) },
    json: { type: 'boolean', default: false },
  },
})

const wholeNumber = (name: 'agents' | 'instances' | 'seed', min: number, max: number): number => {
  const value = Number(values[name])
  if (Number.isInteger(value) && value >= min && value <= max) return value
  process.stderr.write(`--${name} must be a whole number from ${min} to ${max}, and is ${values[name]}\n`)
  process.exit(2)
}

const result = simulate({
  ...defaults,
  agents: wholeNumber('agents', 1, 30_000_000),
  instances: wholeNumber('instances', 1, 1000),
  seed: wholeNumber('seed', 0, 2 ** 32 - 1),
  onSecond: (second, seconds) => {
    if (process.stderr.isTTY) process.stderr.write(`\r${second} of ${seconds} simulated seconds `)
  },
})
if (process.stderr.isTTY) process.stderr.write('\r\u001B[K')

if (values.json) process.stdout.write(`${JSON.stringify(result)}\n`)
else {
  const { bars, isWithinBars: _, ...figures } = result
  for (const [name, value] of Object.entries(figures))
    process.stdout.write(`${name.padEnd(24)}${typeof value === 'object' ? JSON.stringify(value) : value}\n`)
  for (const [bar, isMet] of Object.entries(bars)) process.stdout.write(`${isMet ? 'met   ' : 'MISSED'}  ${bar}\n`)
}
if (!result.isWithinBars) process.exitCode = 1
