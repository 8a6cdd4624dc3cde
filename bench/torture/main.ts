// npm run torture -- [--seeds n] [--events n] [--agents n] [--seed first] [--json]
import { Command } from 'commander'
import { numberFrom, printJson, runCommand } from '../../packages/cli/src/command.ts'
import type { Finding } from './finding.ts'
import { reportsMax } from './history.ts'
import { subscriberFaults } from './check-subscriber.ts'
import { runSeed, type SeedResult } from './run-seed.ts'

interface Options {
  seeds: number
  events: number
  agents: number
  seed: number
  kills?: number
  instances: number
  faults: number
  json: boolean
}

const whole = (min: number, max: number) => numberFrom(min, max, { whole: true })
const eventsPerKill = 2500
const idleSecondsMax = 60
const findingsShown = 20

const play = async ({ seeds, events, agents, seed: first, kills, instances, faults, json }: Options) => {
  if (events < agents || events > agents * (reportsMax - 1))
    throw new Error(
      `--events must be ${agents} to ${agents * (reportsMax - 1)} for ${agents} agents: 1 to ${reportsMax - 1} of each`,
    )
  const results: SeedResult[] = []
  for (let seed = first; seed < first + seeds; seed++) {
    const result = await runSeed({
      seed,
      events,
      agents,
      kills: kills ?? Math.max(3, Math.floor(events / eventsPerKill)),
      instancesMax: instances,
      faults: { before: faults, after: faults, stall: faults },
      idleSecondsMax,
      onProgress: (line) => process.stderr.write(`${line}\n`),
    })
    results.push(result)
    process.stderr.write(`${lineOf(result)}\n`)
    for (const finding of result.findings.slice(0, findingsShown))
      process.stderr.write(`  ${JSON.stringify(finding)}\n`)
  }
  const total = totalOf(results)
  if (json) printJson(total)
  if (total.lost + total.appliedTwice + total.unexplained > 0) process.exitCode = 1
}

const countOf = (results: readonly SeedResult[], kind: Finding['kind']) =>
  results.flatMap(({ findings }) => findings).filter((finding) => finding.kind === kind).length

const countOfWhat = (results: readonly SeedResult[], what: string) =>
  results.flatMap(({ findings }) => findings).filter((finding) => finding.what === what).length

const lineOf = (result: SeedResult) => {
  const { seed, events, kills, redeliveries, faultsInjected, seconds } = result
  const wrong = `${countOf([result], 'lost')} lost, ${countOf([result], 'appliedTwice')} applied twice, ${countOf([result], 'unexplained')} unexplained`
  const faults = faultsInjected.before + faultsInjected.after + faultsInjected.stall
  return `seed ${seed}: ${wrong} of ${events} events, after ${kills} kills, ${redeliveries} redeliveries and ${faults} faults, in ${seconds.toFixed(1)} s`
}

const totalOf = (results: readonly SeedResult[]) => {
  const sum = (of: (result: SeedResult) => number) => results.reduce((total, result) => total + of(result), 0)
  return {
    seeds: results.length,
    events: sum(({ events }) => events),
    lost: countOf(results, 'lost'),
    appliedTwice: countOf(results, 'appliedTwice'),
    unexplained: countOf(results, 'unexplained'),
    // Of the unexplained.
    subscriberMissing: countOfWhat(results, subscriberFaults.missing),
    subscriberOutOfOrder: countOfWhat(results, subscriberFaults.outOfOrder),
    subscriberHeard: sum(({ subscriberHeard }) => subscriberHeard),
    kills: sum(({ kills }) => kills),
    redeliveries: sum(({ redeliveries }) => redeliveries),
    messages: sum(({ messages }) => messages),
    deliveries: sum(({ deliveries }) => deliveries),
    duplicates: sum(({ duplicates }) => duplicates),
    deadLetters: sum(({ deadLetters }) => deadLetters),
    faultsInjected: sum(({ faultsInjected: { before, after, stall } }) => before + after + stall),
    seconds: Math.round(sum(({ seconds }) => seconds)),
    memoryMiB: results.at(-1)?.memoryMiB ?? {},
    failedSeeds: results.filter(({ findings }) => findings.length > 0).map(({ seed }) => seed),
  }
}

const command = new Command('torture')
  .description('Publishes known histories in all the trouble there is, and compares what is stored with their fold')
  .option('--seeds <n>', 'how many seeds to play', whole(1, 1000), 1)
  .option('--events <n>', 'reports in each', whole(100, 10_000_000), 200_000)
  .option('--agents <n>', 'agents in each; 40 reports of each unless given', whole(1, 1_000_000))
  .option('--seed <n>', 'the first seed', whole(1, 2 ** 31 - 1), 1)
  .option(
    '--kills <n>',
    `function processes to kill in each; one for ${eventsPerKill} events unless given`,
    whole(0, 10_000),
  )
  .option('--instances <n>', 'processes of a function at most', whole(1, 100), 2)
  .option('--faults <share>', 'of the calls to Firestore that each kind of fault hits', numberFrom(0, 0.3), 0.01)
  .option('--json', 'print the figures as one line of JSON', false)
  .action((given: Omit<Options, 'agents'> & { agents?: number }) =>
    runCommand(() => play({ ...given, agents: given.agents ?? Math.ceil(given.events / 40) })),
  )

// Google's clients look for a cloud to authenticate with unless told that there is none.
process.env['METADATA_SERVER_DETECTION'] = 'none'
await command.parseAsync()
