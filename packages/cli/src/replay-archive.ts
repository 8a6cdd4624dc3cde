import { readFile, rename, writeFile } from 'node:fs/promises'
import { topics } from '@infinity-matrix/contracts'
import { SingleBar } from 'cli-progress'
import { Command, InvalidArgumentError, Option } from 'commander'
import pThrottle from 'p-throttle'
import { z } from 'zod'
import { NoSuiteError, numberFrom, printJson, runCommand, stopSignal } from './command.ts'
import { openControlPlane, type ControlPlane } from './control-plane.ts'
import { archiveOf } from './rebuild/verify.ts'
import { replayEvents, type Cursor, type Target } from './replay-archive/replay.ts'
import { webhookTarget } from './replay-archive/webhook.ts'
import { readSettings } from './settings.ts'
import { findSuite } from './suite/suite.ts'

interface Options {
  from?: number
  until: number
  agent?: string[]
  tenant?: string
  type?: string
  topic?: string
  webhook?: string
  rate: number
  retries: number
  cursor?: string
  files?: string
  json?: boolean
}

const StoredCursor = z.object({ agentId: z.string(), publishedAt: z.string(), id: z.string() })

const readCursor = async (path: string | undefined): Promise<Cursor | undefined> => {
  const text = path === undefined ? undefined : await readFile(path, 'utf8').catch(() => undefined)
  return text === undefined ? undefined : StoredCursor.parse(JSON.parse(text))
}

// A file of this name is whole, whenever the process is killed.
const keepCursor = async (path: string, cursor: Cursor): Promise<void> => {
  await writeFile(`${path}.unfinished`, JSON.stringify(cursor))
  await rename(`${path}.unfinished`, path)
}

const topicTarget = async (controlPlane: ControlPlane, name: string, ratePerSecond: number): Promise<Target> => {
  const publish = await controlPlane.openReplayTopic(name)
  const throttled = pThrottle({ limit: ratePerSecond, interval: 1000 })(publish)
  return async (events) => {
    await Promise.all(events.map(({ agentId, raw }) => throttled(agentId, raw)))
  }
}

const replayArchive = async (options: Options): Promise<void> => {
  const settings = readSettings()
  const place = settings.pubsubHost ? settings : (await findSuite(settings))?.place
  if (!place) throw new NoSuiteError('no emulator suite runs: start one with npm start')
  const { topic, webhook, from, until, agent, tenant, type, rate, retries, cursor } = options
  const signal = stopSignal()
  const controlPlane = await openControlPlane(place)
  const bar = new SingleBar({
    format: 'sent {value} events · {agentId} · {duration_formatted}',
    stream: process.stderr,
    noTTYOutput: true,
    notTTYSchedule: 2000,
    hideCursor: true,
  })
  const startedAt = performance.now()
  try {
    const target =
      topic === undefined
        ? webhookTarget(webhook ?? '', { ratePerSecond: rate, retries, signal })
        : await topicTarget(controlPlane, topic, rate)
    const events = archiveOf(controlPlane, options.files).events({
      untilMs: until,
      ...(from !== undefined && { fromMs: from }),
      ...(agent && { agentIds: new Set(agent) }),
      ...(tenant !== undefined && { tenant }),
      ...(type !== undefined && { type }),
    })
    bar.start(0, 0, { agentId: '' })
    let sent = 0
    const counted: Target = async (together) => {
      await target(together)
      bar.update((sent += together.length), { agentId: together.at(-1)?.agentId })
    }
    const replayed = await replayEvents(events, counted, {
      after: await readCursor(cursor),
      keep: async (reached) => {
        if (cursor !== undefined) await keepCursor(cursor, reached)
      },
      signal,
    })
    bar.stop()
    const seconds = Math.round((performance.now() - startedAt) / 10) / 100
    process.stderr.write(`${replayed.sent} events sent, ${replayed.skipped} were sent before\n`)
    if (options.json) printJson({ ...replayed, seconds })
  } finally {
    bar.stop()
    await controlPlane.close()
  }
}

const timeFrom = (text: string): number => {
  const ms = Date.parse(text)
  if (Number.isNaN(ms)) throw new InvalidArgumentError('must be a time, such as 2026-01-31T12:00:00Z')
  return ms
}

const newTopicFrom = (text: string): string => {
  if (Object.values(topics).some(({ name }) => text === name || text === `${name}.dead`))
    throw new InvalidArgumentError("must not be a topic of the control plane's own")
  return text
}

const endpointFrom = (text: string): string => {
  const url = URL.parse(text)
  const isLocal = url?.hostname === '127.0.0.1' || url?.hostname === 'localhost'
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLocal)) return url.href
  throw new InvalidArgumentError('must be an https URL, or one of this machine')
}

const program = new Command('replay:archive')
  .description('Sends archived events again, those of each agent in order, to a new topic or to an endpoint.')
  .option('--from <time>', 'published then or later', timeFrom)
  .addOption(new Option('--until <time>', 'published then or earlier').argParser(timeFrom).default(Date.now(), 'now'))
  .option('--agent <ids...>', 'of these agents')
  .option('--tenant <name>', 'of this tenant')
  .option('--type <type>', 'of this type, such as agent.finished.v2')
  .option('--topic <name>', 'to this topic, made where it is not there; ordering keys are agents', newTopicFrom)
  .option('--webhook <url>', 'to this endpoint, one CloudEvent a request', endpointFrom)
  .option('--rate <events/s>', 'at most so many a second', numberFrom(1, 100_000, { whole: true }), 100)
  .option('--retries <count>', 'how often a request is repeated', numberFrom(0, 100, { whole: true }), 5)
  .option('--cursor <file>', 'keeps how far it came there, and goes on from there')
  .option('--files <glob>', 'the Parquet files of the archive, where they are not those of the suite')
  .option('--json', 'print one JSON object as the last line')
  .action((options: Options) => {
    if ((options.topic === undefined) === (options.webhook === undefined))
      return program.error('either --topic or --webhook is needed')
    return runCommand(() => replayArchive(options))
  })

await program.parseAsync()
