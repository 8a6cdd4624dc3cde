import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import {
  DeadLetterDetail,
  DeadLetterGroups,
  DeadLetterList,
  DeadLetterReplay,
  deadLetterStatuses,
  DeadLetterSummary,
  problemCodes,
  type DeadLetterFilter,
} from '@infinity-matrix/contracts'
import { SingleBar } from 'cli-progress'
import { Command, InvalidArgumentError, Option } from 'commander'
import { jsonOption, note, tellFrom, type Json } from './api-command.ts'
import { numberFrom, stopSignal } from './command.ts'
import { groupsTable, letterText, lettersTable } from './dead-letters/tables.ts'
import type { HttpApi } from './http-api.ts'

const pollMs = 300
const tell = tellFrom('events-api')
const pathOf = (id: string) => `/v1/dead-letters/${encodeURIComponent(id)}`

const moment = (text: string): string => {
  if (Number.isNaN(Date.parse(text)))
    throw new InvalidArgumentError('must be a date and time, such as 2026-01-31T12:00:00Z')
  return new Date(Date.parse(text)).toISOString()
}

const withFilter = (command: Command): Command =>
  command
    .option('--topic <name>', 'of this topic')
    .addOption(new Option('--code <code>', 'of this reason').choices(problemCodes))
    .option('--tenant <name>', 'of this tenant')
    .option('--agent <id>', 'of this agent')
    .option('--from <time>', 'that died then or later', moment)
    .option('--until <time>', 'that died before', moment)
    .option(...jsonOption)

const filterOf = ({ topic, code, tenant, agent, from, until }: DeadLetterFilter): DeadLetterFilter => ({
  topic,
  code,
  tenant,
  agent,
  from,
  until,
})

/** Follows a replay to its end. When this command is stopped, the replay goes on. */
const follow = async (api: HttpApi, begun: DeadLetterReplay): Promise<DeadLetterReplay> => {
  const signal = stopSignal()
  const bar = new SingleBar({
    format: 'replayed {replayed}, skipped {skipped} of {total} letters [{bar}] {percentage}% · {duration_formatted}',
    stream: process.stderr,
    noTTYOutput: true,
    notTTYSchedule: 2000,
    hideCursor: true,
  })
  let replay = begun
  const seen = () => replay.replayed + replay.skipped
  bar.start(replay.total, seen(), replay)
  try {
    while (replay.state.status === 'running') {
      await delay(pollMs, undefined, { signal })
      replay = await api.call(DeadLetterReplay, `/v1/dead-letter-replays/${replay.id}`)
      bar.update(seen(), replay)
    }
    return replay
  } catch (error) {
    if (signal.aborted) note(`\nthe replay goes on: npm run dead-letters -- abort ${replay.id} ends it`)
    throw error
  } finally {
    bar.stop()
  }
}

const replayText = ({ id, state, total, replayed, skipped }: DeadLetterReplay) =>
  `replay ${id} is ${state.status}: ${replayed} of ${total} letters replayed, ${skipped} were not open`
const letterLine = (letter: DeadLetterSummary) => lettersTable([letter])

const program = new Command('dead-letters').description(
  'Inputs that no function could accept: found, shown, fixed and replayed.',
)

withFilter(program.command('list').description('letters, the youngest first'))
  .addOption(new Option('--status <status>', 'that are so').choices(deadLetterStatuses))
  .option('--limit <letters>', 'at most so many', numberFrom(1, 200, { whole: true }), 50)
  .option('--cursor <cursor>', 'go on after the page that told it')
  .action((options: Json & DeadLetterFilter & { status?: string; limit: number; cursor?: string }) => {
    const query = { ...filterOf(options), status: options.status, limit: options.limit, cursor: options.cursor }
    return tell(
      (api) => api.call(DeadLetterList, '/v1/dead-letters', { query }),
      ({ letters, next }) => `${lettersTable(letters)}${next === null ? '' : `\nmore: --cursor ${next}`}`,
      options,
    )
  })

withFilter(program.command('groups').description('how many letters there are of each reason')).action(
  (options: Json & DeadLetterFilter) =>
    tell(
      (api) => api.call(DeadLetterGroups, '/v1/dead-letter-groups', { query: { ...filterOf(options) } }),
      groupsTable,
      options,
    ),
)

program
  .command('show <id>')
  .description('a letter with its original bytes, and where in them the problem is')
  .option(...jsonOption)
  .action((id: string, options: Json) => tell((api) => api.call(DeadLetterDetail, pathOf(id)), letterText, options))

program
  .command('fix <id> <file>')
  .description('publishes what a file holds in place of a letter, when it would be accepted')
  .option(...jsonOption)
  .action((id: string, file: string, options: Json) =>
    tell(
      async (api) => {
        const body = new Uint8Array(await readFile(file))
        return api.call(DeadLetterSummary, `${pathOf(id)}/fix`, { method: 'POST', body })
      },
      letterLine,
      options,
    ),
  )

withFilter(program.command('replay [id]').description('publishes a letter again, or all open letters of a filter'))
  .option('--rate <letters/s>', 'at most so many a second', numberFrom(1, 1000, { whole: true }), 100)
  .action((id: string | undefined, options: Json & DeadLetterFilter & { rate: number }) => {
    if (id !== undefined)
      return tell((api) => api.call(DeadLetterSummary, `${pathOf(id)}/replay`, { method: 'POST' }), letterLine, options)
    const body = { filter: filterOf(options), ratePerSecond: options.rate }
    return tell(
      async (api) => follow(api, await api.call(DeadLetterReplay, '/v1/dead-letter-replays', { method: 'POST', body })),
      replayText,
      options,
    )
  })

program
  .command('abort <replay>')
  .description('ends a replay of many letters')
  .option(...jsonOption)
  .action((id: string, options: Json) =>
    tell(
      (api) =>
        api.call(DeadLetterReplay, `/v1/dead-letter-replays/${encodeURIComponent(id)}/abort`, { method: 'POST' }),
      replayText,
      options,
    ),
  )

program
  .command('discard <id> <reason>')
  .description('notes that nothing is to be done about a letter')
  .option(...jsonOption)
  .action((id: string, reason: string, options: Json) =>
    tell(
      (api) => api.call(DeadLetterSummary, `${pathOf(id)}/discard`, { method: 'POST', body: { reason } }),
      letterLine,
      options,
    ),
  )

program
  .command('reopen <id>')
  .description('takes back that a letter was seen to')
  .option(...jsonOption)
  .action((id: string, options: Json) =>
    tell((api) => api.call(DeadLetterSummary, `${pathOf(id)}/reopen`, { method: 'POST' }), letterLine, options),
  )

await program.parseAsync()
