// npm run simulate -- [--agents n] [--instances n] [--seed n] [--json]
import { Command } from 'commander'
import { numberFrom } from '../../packages/cli/src/command.ts'
import { defaults, simulate } from './simulate.ts'

interface Options {
  agents: number
  instances: number
  seed: number
  json: boolean
}

// Where no terminal shows every second.
const linesEverySeconds = 10

const whole = (min: number, max: number) => numberFrom(min, max, { whole: true })

const run = ({ agents, instances, seed, json }: Options) => {
  const result = simulate({
    ...defaults,
    agents,
    instances,
    seed,
    onSecond: (second, seconds) => {
      if (process.stderr.isTTY) process.stderr.write(`\r${second} of ${seconds} simulated seconds `)
      else if (second % linesEverySeconds === 0) process.stderr.write(`${second} of ${seconds} simulated seconds\n`)
    },
  })
  if (process.stderr.isTTY) process.stderr.write('\r\u001B[K')

  if (json) process.stdout.write(`${JSON.stringify(result)}\n`)
  else {
    const { bars, isWithinBars: _, ...figures } = result
    for (const [name, value] of Object.entries(figures))
      process.stdout.write(`${name.padEnd(24)}${typeof value === 'object' ? JSON.stringify(value) : value}\n`)
    for (const [bar, isMet] of Object.entries(bars)) process.stdout.write(`${isMet ? 'met   ' : 'MISSED'}  ${bar}\n`)
  }
  if (!result.isWithinBars) process.exitCode = 1
}

new Command('simulate')
  .description('Runs the decisions about heartbeats over a simulated fleet, and says whether its bars are met')
  .option('--agents <n>', 'agents in the fleet', whole(1, 30_000_000), 1_000_000)
  .option('--instances <n>', 'function instances that hear them', whole(1, 1000), defaults.instances)
  .option('--seed <n>', 'draws the fleet, and what is late', whole(0, 2 ** 32 - 1), defaults.seed)
  .option('--json', 'print one JSON object as the last line', false)
  .action(run)
  .parse()
