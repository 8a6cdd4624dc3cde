import { basename } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { AgentId, Properties } from '@infinity-matrix/contracts'
import { deltaOf } from '@infinity-matrix/core/properties'
import { Command, InvalidArgumentError } from 'commander'
import colors from 'picocolors'
import { v4 as uuidv4 } from 'uuid'
import { onAbort } from './abort.ts'
import { openDesiredFile, type Desired } from './agent/desired-file.ts'
import { createReporter, type Past, type Reporter } from './agent/reporter.ts'
import { startRun } from './agent/runner.ts'
import { NoSuiteError, numberFrom, runCommand, stopSignal } from './command.ts'
import { openControlPlane, type ControlPlane, type Place, type StoredAgent } from './control-plane.ts'
import { withSenderOptions, type SenderOptions } from './sender-options.ts'
import { agentEnvironment, readSettings } from './settings.ts'
import { findSuite } from './suite/suite.ts'

interface Options extends SenderOptions {
  id?: string
  task?: string
  heartbeatSeconds: number
  graceSeconds: number
}

// The next run of this agent begins where the control plane knows it: so this one ends when it is known there.
const visibleSecondsMax = 15
const pollMs = 100

const note = (text: string) => process.stderr.write(`${colors.dim('agent')} ${text}\n`)

const parseId = (text: string): string => {
  const parsed = AgentId.safeParse(text)
  if (!parsed.success) throw new InvalidArgumentError(parsed.error.issues[0]?.message ?? 'is not valid')
  return parsed.data
}

const placeOf = async (): Promise<Place> => {
  const settings = readSettings()
  if (settings.pubsubHost && settings.firestoreHost) return settings
  const running = await findSuite(settings)
  if (!running) throw new NoSuiteError('no emulator suite runs: start one with npm start')
  return running.place
}

const propertiesFrom = (json: string) => Properties.parse(JSON.parse(json))

const pastOf = ({ document, highestSequence }: StoredAgent): Past => {
  const { reported: state, seenDesiredVersion, gapSince } = document
  const properties = propertiesFrom(document.properties)
  return { highestSequence, state, properties, seenDesiredVersion, hasGap: gapSince !== null }
}

/** What is desired of an agent already, as it was told at the time: the process that runs now has not heard it. */
const desiredOf = ({ document }: StoredAgent): Desired | undefined => {
  if (document.desired === null) return undefined
  const properties = propertiesFrom(document.desired.properties)
  const delta = deltaOf(properties, propertiesFrom(document.properties))
  return { desiredVersion: document.desired.version, properties, delta }
}

const waitUntilVisible = async (controlPlane: ControlPlane, reporter: Reporter): Promise<void> => {
  const giveUpAt = performance.now() + visibleSecondsMax * 1000
  for (;;) {
    const stored = await controlPlane.readAgent(reporter.agentId)
    if (stored && stored.document.lastSequence >= reporter.lastSequence()) return
    if (performance.now() > giveUpAt) {
      note(`not all of its ${reporter.lastSequence()} reports are folded after ${visibleSecondsMax} s`)
      return
    }
    await delay(pollMs)
  }
}

const runAgent = async (command: string, args: string[], options: Options): Promise<void> => {
  const program = basename(command)
  const { tenant, region, tier, heartbeatSeconds, graceSeconds } = options
  const idPart = program.replaceAll(/[^A-Za-z0-9._-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '') || 'agent'
  const agentId = options.id ?? `${idPart.slice(0, 100)}-${uuidv4().slice(0, 8)}`
  const stopped = stopSignal()
  const controlPlane = await openControlPlane(await placeOf())
  try {
    await controlPlane.ensureTopics()
    const stored = options.id === undefined ? undefined : await controlPlane.readAgent(agentId)
    const past = stored && pastOf(stored)
    const reporter = createReporter({ agentId, tenant, region, tier }, controlPlane, past)
    const desired = await openDesiredFile(stored && desiredOf(stored))
    const requests = await controlPlane.onRequest((asked) => {
      if (asked.agentId !== agentId) return
      if (asked.type === 'agent.resync-requested.v1') reporter.snapshot()
      else void desired.write(asked.data)
    })
    try {
      const run = await startRun(reporter, {
        command,
        args,
        started: {
          kind: program.slice(0, 64),
          task: options.task ?? [program, ...args].join(' ').slice(0, 256).toWellFormed(),
          labels: { program: program.slice(0, 63), runner: 'cli' },
        },
        heartbeatSeconds,
        graceSeconds,
        environment: agentEnvironment(desired.path),
        stdin: 'inherit',
        output: {
          stdout: (text) => void process.stdout.write(text),
          stderr: (text) => void process.stderr.write(text),
        },
        onProblem: note,
      })
      note(`${agentId} runs ${program} as process ${run.pid}, from sequence ${(past?.highestSequence ?? 0) + 1}`)
      onAbort(stopped, () => run.drain('the runner was asked to stop'))
      const { outcome, exitCode } = await run.ended
      process.exitCode = exitCode
      await reporter.settled()
      await waitUntilVisible(controlPlane, reporter)
      note(`${agentId} ended: ${outcome}, exit code ${exitCode}, ${reporter.lastSequence()} reports`)
    } finally {
      await Promise.all([requests.close(), desired.close()])
    }
  } finally {
    await controlPlane.close()
  }
}

const help = `
The command may report by lines on its standard output, which are not shown:
  ::step {"step":"acted","tool":"search","durationMs":12}    one step (the data of agent.step-taken.v1)
  ::status {"status":"waiting","reason":"for input"}         its status (the data of agent.status-changed.v1)
  ::properties {"properties":{"level":"debug"},"desiredVersion":1}
                                                             its properties (the data of agent.properties-reported.v1)

What is desired of it stands in the file that IMX_DESIRED_FILE names, as JSON (the data of agent.desired-changed.v1), as
soon as anything is.

SIGTERM or Ctrl-C drains: the command gets SIGTERM, and is killed after the grace period. The exit code is the command's.`

const program = withSenderOptions(
  new Command('agent')
    .description('Runs a command as an agent: reports its start, steps, heartbeats and end to the control plane.')
    .usage('[options] <command> [arguments...]')
    .argument('<command>', 'what to run')
    .argument('[arguments...]', 'its arguments')
    .option('--id <id>', 'the agent to be, which goes on where it was; a new one without it', parseId)
    .option('--task <text>', 'what it is to do, for people; the command line without it'),
  'demo',
)
  .option(
    '--heartbeat-seconds <seconds>',
    'between heartbeats; three missed ones are silence',
    numberFrom(2, 28_800),
    5,
  )
  .option('--grace-seconds <seconds>', 'to end after SIGTERM, before it is killed', numberFrom(0, 3600), 10)
  .addHelpText('after', help)
  .passThroughOptions()
  .action((command: string, args: string[], options: Options) => runCommand(() => runAgent(command, args, options)))

await program.parseAsync()
