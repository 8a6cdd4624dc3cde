import { rebuildAgent } from '@infinity-matrix/archive'
import { AgentId } from '@infinity-matrix/contracts'
import { Command, InvalidArgumentError } from 'commander'
import { NoSuiteError, numberFrom, printJson, runCommand, stopSignal } from './command.ts'
import { openControlPlane, type ControlPlane, type Place } from './control-plane.ts'
import { playHistory } from './rebuild/play.ts'
import { seededHistory } from './rebuild/seeded-history.ts'
import { archiveOf, verify, type Verified } from './rebuild/verify.ts'
import { readSettings } from './settings.ts'
import { findSuite, startSuite, type OwnSuite } from './suite/suite.ts'

interface Options {
  agent?: string
  at?: number
  verify?: boolean
  files?: string
  agents: number
  seed: number
  json?: boolean
}

/** A moment of the past at which what was stored is known, compared. */
interface VerifiedMoment extends Pick<Verified, 'agents' | 'equal' | 'different'> {
  at: string
}

const note = (text: string) => process.stderr.write(`${text}\n`)
const seeded = { tenant: 'rebuild', region: 'local', tier: 'standard' } as const
const parts = 3
const eventsPerPart = 8

/** Where to look: what the environment names, the suite that runs, or, to verify, one that is started for it. */
const placeOf = async ({ verify: isVerification }: Options, signal: AbortSignal) => {
  const settings = readSettings()
  if (settings.pubsubHost && settings.firestoreHost) return { place: settings }
  const running = await findSuite(settings)
  if (running) return { place: running.place }
  if (!isVerification) throw new NoSuiteError('no emulator suite runs: start one with npm start')
  note('no emulator suite runs: starting one, with a history of its own')
  const own = await startSuite(settings, { whenTaken: 'use-free-ports', signal })
  return { place: own.place, own }
}

const withControlPlane = async <T>(
  options: Options,
  work: (controlPlane: ControlPlane, own: OwnSuite | undefined, signal: AbortSignal) => Promise<T>,
): Promise<T> => {
  const signal = stopSignal()
  const { place, own }: { place: Place; own?: OwnSuite } = await placeOf(options, signal)
  try {
    const controlPlane = await openControlPlane(place)
    try {
      return await work(controlPlane, own, signal)
    } finally {
      await controlPlane.close()
    }
  } finally {
    await own?.stop()
  }
}

const showAgent = (options: Options, agentId: string) =>
  withControlPlane(options, async (controlPlane) => {
    const rebuilt = await rebuildAgent(archiveOf(controlPlane, options.files), agentId, options.at)
    if (!rebuilt?.agent) {
      note(`the archive has no state of ${agentId}${options.at === undefined ? '' : ' at that time'}`)
      process.exitCode = 1
      return
    }
    const { document, parkedElsewhere } = rebuilt.agent
    const waiting = document.parked.length + parkedElsewhere.length
    const { status, lastSequence, reported } = document
    if (options.json) printJson({ agentId, events: rebuilt.events, status, lastSequence, waiting, reported })
    else process.stdout.write(`${JSON.stringify(document, null, 2)}\n`)
  })

const verifyAll = (options: Options) =>
  withControlPlane(options, async (controlPlane, own, signal) => {
    const startedAt = performance.now()
    const archive = archiveOf(controlPlane, options.files)
    if (own) await controlPlane.ensureTopics()
    const history = seededHistory(seeded, { seed: options.seed, agents: options.agents, parts, eventsPerPart })
    const played = own ? await playHistory(controlPlane, history, signal) : []
    const present = await verify(archive, controlPlane.agentsInOrder)
    const moments: VerifiedMoment[] = []
    for (const { atMs, stored } of played) {
      const isOf = (agentIds?: ReadonlySet<string>) =>
        stored.filter(({ document }) => agentIds?.has(document.agentId) ?? true)
      const { agents, equal, different, missing, unstored, faults } = await verify(archive, isOf, { untilMs: atMs })
      moments.push({ at: new Date(atMs).toISOString(), agents, equal, different: different + missing + unstored })
      present.faults.push(...faults)
    }
    const isEqual = [present, ...moments].every(({ agents, equal }) => agents === equal)
    const seconds = Math.round((performance.now() - startedAt) / 10) / 100
    for (const fault of present.faults) note(fault)
    note(`${present.equal} of ${present.agents} agents are equal to what their ${present.events} archived events make`)
    for (const { at, agents, equal } of moments) note(`${equal} of ${agents} were, at ${at}`)
    if (options.json) printJson({ ...present, moments, seconds })
    if (!isEqual) process.exitCode = 1
  })

const agentIdFrom = (text: string): string => {
  const parsed = AgentId.safeParse(text)
  if (!parsed.success) throw new InvalidArgumentError(parsed.error.issues[0]?.message ?? 'is no agent id')
  return parsed.data
}

const timeFrom = (text: string): number => {
  const ms = Date.parse(text)
  if (Number.isNaN(ms)) throw new InvalidArgumentError('must be a time, such as 2026-01-31T12:00:00Z')
  return ms
}

const program = new Command('rebuild')
  .description(
    'Rebuilds agents from the archive: one, as it is or was; or every one, to compare it with what is stored. ' +
      'Where no suite runs, --verify starts one and plays a history of its own through it.',
  )
  .option('--agent <id>', 'prints this agent', agentIdFrom)
  .option('--at <time>', 'as it was then: by what was published up to that time', timeFrom)
  .option('--verify', 'compares every agent with what is stored; exit code 1 when one differs')
  .option('--files <glob>', 'the Parquet files of the archive, where they are not those of the suite')
  .option('--agents <count>', 'agents of the history of its own', numberFrom(1, 100_000, { whole: true }), 60)
  .option('--seed <number>', 'of the history of its own', numberFrom(0, 2 ** 31 - 1, { whole: true }), 1)
  .option('--json', 'print one JSON object as the last line')
  .action((options: Options) =>
    runCommand(() => {
      if (options.agent !== undefined) return showAgent(options, options.agent)
      if (options.verify) return verifyAll(options)
      return program.error('either --agent or --verify is needed')
    }),
  )

await program.parseAsync()
