import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { SingleBar } from 'cli-progress'
import { Command } from 'commander'
import colors from 'picocolors'
import { NoSuiteError, numberFrom, stopSignal, printJson, runCommand } from './command.ts'
import { openControlPlane, type Place } from './control-plane.ts'
import { readRecordings } from './recordings/files.ts'
import { replay, type Replayed } from './replay/replay.ts'
import { agentsTable, outcomesTable, totalsLine } from './replay/tables.ts'
import { withSenderOptions, type SenderOptions } from './sender-options.ts'
import { readSettings, repositoryRoot } from './settings.ts'
import { findSuite, startSuite, type OwnSuite } from './suite/suite.ts'

interface Options extends SenderOptions {
  suite?: boolean
  json?: boolean
  all?: boolean
  rate?: number
  shuffle?: number
  duplicate: number
  ahead: number
  idleSeconds: number
  fresh?: boolean
}

const note = (text: string) => process.stderr.write(`${text}\n`)

/** Where suites that are started for replays keep their documents, so that a second replay meets what the first left. */
const keptDocuments = async ({ fresh }: { fresh: boolean }): Promise<string> => {
  const folder = join(repositoryRoot, '.firebase/replayed')
  if (fresh) await rm(folder, { recursive: true, force: true })
  return folder
}

/** Where to replay to: what the environment names, the suite that runs, or one that is started for this replay. */
const placeOf = async (options: Options, signal: AbortSignal): Promise<{ place: Place; own?: OwnSuite }> => {
  const settings = readSettings()
  if (settings.pubsubHost && settings.firestoreHost) return { place: settings }
  const running = await findSuite(settings)
  if (running) return { place: running.place }
  if (options.suite === false)
    throw new NoSuiteError('no emulator suite runs: start one with npm start, or leave --no-suite away')
  note('no emulator suite runs: starting one')
  const persistIn = await keptDocuments({ fresh: options.fresh === true })
  const own = await startSuite(settings, { whenTaken: 'use-free-ports', signal, persistIn })
  return { place: own.place, own }
}

const replayFiles = async (paths: string[], options: Options): Promise<Replayed> => {
  const runs = await readRecordings(paths)
  note(`${runs.length} recorded runs read`)
  const signal = stopSignal()
  const { place, own } = await placeOf(options, signal)
  const controlPlane = await openControlPlane(place)
  const bar = new SingleBar({
    format: `folded {value} of {total} events [{bar}] {percentage}% · published {published} · {duration_formatted}`,
    stream: process.stderr,
    noTTYOutput: true,
    notTTYSchedule: 2000,
    hideCursor: true,
  })
  try {
    await controlPlane.ensureTopics()
    bar.start(1, 0, { published: 0 })
    return await replay(controlPlane, runs, {
      sender: { tenant: options.tenant, region: options.region, tier: options.tier },
      ratePerSecond: options.rate,
      shuffleSeed: options.shuffle,
      duplicateFraction: options.duplicate,
      idleSecondsMax: options.idleSeconds,
      aheadMax: options.ahead,
      signal,
      onProgress: ({ published, folded, total }) => {
        bar.setTotal(total)
        bar.update(folded, { published })
      },
      onWarning: (warning) => note(`${colors.yellow('warning')} ${warning}`),
    })
  } finally {
    bar.stop()
    await controlPlane.close()
    await own?.stop()
  }
}

const program = withSenderOptions(
  new Command('replay')
    .description(
      'Replays recorded agent runs (tau-bench .json, SWE-agent .traj): one run is one agent, one step one event.',
    )
    .argument('<paths...>', 'files, or folders that are searched for .json and .traj')
    .option('--suite', 'start the emulator suite when none runs (the default)')
    .option('--no-suite', 'fail when none runs')
    .option('--fresh', 'forget what earlier replays left in the suite that is started for them')
    .option('--json', 'print one JSON object as the last line')
    .option('--all', 'show every agent in the table'),
  'replay',
)
  .option('--rate <events/s>', 'publish at most so many events per second', numberFrom(1, 1_000_000))
  .option('--shuffle <seed>', 'publish in a random order', numberFrom(0, 2 ** 31 - 1, { whole: true }))
  .option('--duplicate <fraction>', 'send this share of the events twice', numberFrom(0, 1), 0)
  .option('--ahead <events>', 'publish at most so many that are not folded yet', numberFrom(1, 1_000_000), 200)
  .option('--idle-seconds <seconds>', 'give up when nothing happens for so long', numberFrom(1, 3600), 60)
  .action((paths: string[], options: Options) =>
    runCommand(async () => {
      const { documents, summary } = await replayFiles(paths, options)
      const show = options.json ? note : (text: string) => process.stdout.write(`${text}\n`)
      show(agentsTable(documents, options.all ? documents.length : 30))
      show(outcomesTable(documents))
      show(totalsLine(summary))
      if (options.json) printJson(summary)
    }),
  )

await program.parseAsync()
