import { setTimeout as delay } from 'node:timers/promises'
import { Command } from 'commander'
import logUpdate from 'log-update'
import { numberFrom, printJson, runCommand, stopSignal } from './command.ts'
import { openControlPlane } from './control-plane.ts'
import { startFleet, type Fleet } from './fleet/fleet.ts'
import { addressesTable, liveView, plainLine } from './fleet/view.ts'
import { watchControlPlane, type Sight } from './fleet/watch.ts'
import { readSettings } from './settings.ts'
import { startSuite, SuiteError, type OwnSuite } from './suite/suite.ts'

interface Options {
  for?: number
  json?: boolean
  google?: boolean
  freePorts?: boolean
  verbose?: boolean
}

const sender = { tenant: 'demo', region: 'local', tier: 'standard' } as const
const liveMs = 1000
const plainMs = 5000
// After the fleet has stopped, its last reports are on their way to the store.
const lastReportsSecondsMax = 10
const pollMs = 50

const showUntil = async (signal: AbortSignal, look: () => Promise<Sight>, show: (text: string) => void) => {
  const isLive = process.stdout.isTTY
  while (!signal.aborted) {
    const sight = await look()
    if (isLive) logUpdate(liveView(sight))
    else show(plainLine(sight))
    await delay(isLive ? liveMs : plainMs, undefined, { signal }).catch(() => {})
  }
  if (isLive) logUpdate.done()
}

const waitForLastReports = async (fleet: Fleet) => {
  const giveUpAt = performance.now() + lastReportsSecondsMax * 1000
  while (!(await fleet.isStored()) && performance.now() < giveUpAt) await delay(pollMs)
}

/** @returns the last sight, when the fleet has stopped */
const runFleetOn = async (suite: OwnSuite, signal: AbortSignal, show: (text: string) => void) => {
  const controlPlane = await openControlPlane(suite.place)
  try {
    await controlPlane.ensureTopics()
    const watch = await watchControlPlane(controlPlane)
    const fleet = await startFleet(controlPlane, { sender, signal })
    await Promise.all([fleet.ended, showUntil(signal, watch.look, show)])
    await waitForLastReports(fleet)
    const sight = await watch.look()
    await watch.close()
    return { sight, reported: fleet.reported() }
  } finally {
    await controlPlane.close()
  }
}

const start = async (options: Options): Promise<void> => {
  const show = (text: string) => void (options.json ? process.stderr : process.stdout).write(`${text}\n`)
  const stopped = stopSignal({ withParent: true })
  const startedAt = performance.now()
  show('starting the emulator suite')
  const suite = await startSuite(readSettings(), {
    google: options.google ?? false,
    whenTaken: options.freePorts ? 'use-free-ports' : 'refuse',
    signal: stopped,
    ...(options.verbose ? { onLine: (line: string) => void process.stderr.write(`${line}\n`) } : {}),
  })
  const readyMs = Math.round(performance.now() - startedAt)
  const lost = suite.ended.then(() => {
    throw new SuiteError('the emulator suite ended by itself; firebase-debug.log may say why')
  })
  const timeUp = options.for === undefined ? [] : [AbortSignal.timeout(options.for * 1000)]
  try {
    show(addressesTable(suite.addresses))
    show(`ready in ${(readyMs / 1000).toFixed(1)} s; a fleet of real processes starts`)
    const signal = AbortSignal.any([stopped, ...timeUp])
    const { sight, reported } = await Promise.race([runFleetOn(suite, signal, show), lost])
    show(plainLine(sight))
    const { tally, byStatus, deadLetters, uptimeSeconds } = sight
    const { applied, duplicates, refused, lagMs } = tally
    const agents = Object.values(byStatus).reduce((sum, count) => sum + count, 0)
    const parked = tally.parked - tally.released
    const seconds = Math.round(uptimeSeconds)
    if (options.json)
      printJson({
        readyMs,
        seconds,
        agents,
        byStatus,
        reported,
        applied,
        duplicates,
        parked,
        refused,
        deadLetters,
        lagMs,
      })
  } finally {
    show('stopping the emulator suite')
    await suite.stop()
  }
}

await new Command('start')
  .description('Starts the emulator suite, and shows a small fleet of real processes at work on it.')
  .option('--for <seconds>', 'stop after so long', numberFrom(1, 86_400))
  .option('--json', 'print one JSON object as the last line')
  .option('--google', "run Google's own Firestore and Pub/Sub emulators, which need Java 21")
  .option('--free-ports', 'take free ports when those of firebase.json are taken')
  .option('--verbose', 'show what the suite prints')
  .action((options: Options) => runCommand(() => start(options)))
  .parseAsync()
