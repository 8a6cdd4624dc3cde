// npm run model -- [--agents n] [--events-per-second n] ... [--json]
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import { factors } from './factors.ts'
import { costs, heartbeatCosts, naiveCosts, scale, sum, type Deployment, type Load, type Measures } from './model.ts'
import { secondsPerMonth } from './prices.ts'
import {
  distributedPerCoreSecond,
  eventsPerCoreSecond,
  orchestrator,
  reference,
  transactionsPerCoreSecond,
} from './reference.ts'

const usage = `npm run model -- [options]: what a load costs, and what it asks of Firestore, Pub/Sub and functions

  --agents <n>                   100000
  --events-per-second <n>        of all agents together; default 6 a minute from each
  --events-per-agent-minute <n>  the same, from each agent
  --events-per-message <n>       100
  --events-per-agent-window <n>  events of one agent that are folded together; 20
  --heartbeat-seconds <n>        30
  --heartbeats-per-message <n>   1
  --distributed-share <0..1>     of the events, to subscribers; 0
  --subscribers <n>              that each distributed event goes to; 1
  --edition <standard|enterprise>  of Firestore; standard
  --regions <n>                  each with a database of its own; 1
  --archive-days <n>             30
  --events-per-core-second <n>   default: as measured in docs/performance.md
  --instances <n>                of fleet-onStateChange at most; default as deployed
  --json
`

class UsageError extends Error {}

const { values } = parseArgs({
  options: {
    agents: { type: 'string', default: '100000' },
    'events-per-second': { type: 'string' },
    'events-per-agent-minute': { type: 'string', default: '6' },
    'events-per-message': { type: 'string', default: '100' },
    'events-per-agent-window': { type: 'string', default: '20' },
    'heartbeat-seconds': { type: 'string', default: '30' },
    'heartbeats-per-message': { type: 'string', default: '1' },
    'distributed-share': { type: 'string', default: '0' },
    subscribers: { type: 'string', default: '1' },
    edition: { type: 'string', default: 'standard' },
    regions: { type: 'string', default: '1' },
    'archive-days': { type: 'string', default: '30' },
    'events-per-core-second': { type: 'string' },
    instances: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

type NumberOption = Exclude<keyof typeof values, 'json' | 'help' | 'edition'>
const numberOf = (name: NumberOption, min: number, max = Number.MAX_SAFE_INTEGER): number => {
  const value = Number(values[name])
  if (!(value >= min && value <= max)) throw new UsageError(`--${name} must be a number from ${min} to ${max}`)
  return value
}

const loadOf = (): Load => {
  const { edition } = values
  if (edition !== 'standard' && edition !== 'enterprise')
    throw new UsageError('--edition must be standard or enterprise')
  const agents = numberOf('agents', 1)
  return {
    agents,
    eventsPerSecond:
      values['events-per-second'] === undefined
        ? (agents * numberOf('events-per-agent-minute', 1e-6)) / 60
        : numberOf('events-per-second', 1e-3),
    eventsPerMessage: numberOf('events-per-message', 1, 1000),
    eventsPerAgentWindow: numberOf('events-per-agent-window', 1, 1000),
    heartbeatSeconds: numberOf('heartbeat-seconds', 1, 86_400),
    heartbeatsPerMessage: numberOf('heartbeats-per-message', 1, 1000),
    distributedShare: numberOf('distributed-share', 0, 1),
    subscribers: numberOf('subscribers', 0),
    edition,
    regions: numberOf('regions', 1),
    archiveDays: numberOf('archive-days', 0),
  }
}

const report = () => {
  const load = loadOf()
  const { maxInstances, cpu, availableMemoryMb, concurrency } = orchestrator()
  const deployment: Deployment = {
    maxInstances: values.instances === undefined ? maxInstances : numberOf('instances', 1),
    cpu,
    memoryGib: availableMemoryMb / 1024,
    concurrency,
    utilisation: 0.7,
  }
  const rate =
    values['events-per-core-second'] === undefined
      ? eventsPerCoreSecond(load.eventsPerMessage)
      : { name: 'as given', value: numberOf('events-per-core-second', 1) }
  const measures: Measures = {
    ...reference(),
    eventsPerCoreSecond: rate.value,
    distributedPerCoreSecond: distributedPerCoreSecond().value,
  }
  const byItem = costs(load, factors, measures, deployment)
  const heartbeats = heartbeatCosts(load, factors, measures, deployment)
  const heartbeatsPerSecond = load.agents / load.heartbeatSeconds
  const { receiptBytes, ...numbers } = measures
  return {
    usdPerMillion: sum(byItem),
    byItem,
    naiveUsdPerMillion: sum(naiveCosts(load, measures, deployment, transactionsPerCoreSecond)),
    usdPerMonth: (sum(byItem) * load.eventsPerSecond * secondsPerMonth) / 1e6,
    heartbeats: {
      usdPerMillion: sum(heartbeats),
      byItem: heartbeats,
      perSecond: heartbeatsPerSecond,
      usdPerAgentMonth: ((sum(heartbeats) / 1e6) * secondsPerMonth) / load.heartbeatSeconds,
    },
    ...scale(load, factors, measures, deployment),
    load,
    measures: { ...numbers, eventsPerCoreSecondFrom: rate.name, receiptBytes: receiptBytes(load.eventsPerMessage) },
    factors,
    deployment,
  }
}

const usd = (value: number) => `$${value.toFixed(4)}`
const count = (value: number) => Number(value.toPrecision(4)).toLocaleString('en-GB')
const words = (name: string) => name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)

const print = (result: ReturnType<typeof report>) => {
  const table = (head: string[], rows: (string | number)[][]) => {
    const made = new Table({ head, style: { head: [], border: [] } })
    for (const row of rows) made.push(row)
    process.stdout.write(`${made.toString()}\n\n`)
  }
  const { load, measures, heartbeats } = result
  table(
    ['US dollars per million events', ''],
    [
      ...Object.entries(result.byItem).map(([item, value]) => [words(item), usd(value)]),
      ['all', usd(result.usdPerMillion)],
      ['one message, read, write and history entry per event', usd(result.naiveUsdPerMillion)],
      [`at ${count(load.eventsPerSecond)} events/s, a month`, `$${count(result.usdPerMonth)}`],
    ],
  )
  table(
    ['US dollars per million heartbeats', ''],
    [
      ...Object.entries(heartbeats.byItem).map(([item, value]) => [words(item), usd(value)]),
      ['all', usd(heartbeats.usdPerMillion)],
      ['an agent and month', usd(heartbeats.usdPerAgentMonth)],
    ],
  )
  table(
    ['writes in each region', 'a second', 'a second and document', 'minutes to ramp'],
    result.collections.map(({ collection, writesPerSecond, writesPerSecondPerDocument, rampMinutes }) => [
      collection,
      count(writesPerSecond),
      writesPerSecondPerDocument === null ? '' : count(writesPerSecondPerDocument),
      rampMinutes,
    ]),
  )
  table(
    ['what breaks first', 'limit', 'at events/s'],
    result.breaksFirst.map(({ what, limit, eventsPerSecondMax }) => [what, limit, count(eventsPerSecondMax)]),
  )
  process.stdout.write(
    `${count(result.instancesPerRegion)} instances a region of fleet-onStateChange, for ${count(measures.eventsPerCoreSecond)} events/s and core (${measures.eventsPerCoreSecondFrom}); ` +
      `an event has ${count(measures.eventBytes)} B, an agent ${count(measures.agentDocumentBytes)} B\n`,
  )
}

try {
  if (values.help) process.stdout.write(usage)
  else {
    const result = report()
    if (values.json) process.stdout.write(`${JSON.stringify(result)}\n`)
    else print(result)
  }
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 2
}
