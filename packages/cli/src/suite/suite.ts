import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { z } from 'zod'
import { createLogTail } from '../agent/log-tail.ts'
import type { Place } from '../control-plane.ts'
import { repositoryRoot, suiteEnvironment, type Settings } from '../settings.ts'
import { configuredAddresses, takenAddresses, takenMessage, type Address, type ConfiguredAddress } from './ports.ts'

/** An emulator suite that is up. */
export interface Suite {
  place: Place
  addresses: Address[]
}

/** A suite of our own: it is killed when this process exits without having stopped it. */
export interface OwnSuite extends Suite {
  /** Resolves when it ends, by itself or by `stop`. */
  ended: Promise<void>
  /** Resolves when all of it is gone. */
  stop: () => Promise<void>
}

/** The suite cannot be started; the message says why and what to do. */
export class SuiteError extends Error {
  readonly code = 'suite-not-started'
}

export interface SuiteOptions {
  /** Google's own engines in place of the embedded ones. */
  google?: boolean
  /** When a port of firebase.json is taken: take free ones, or refuse with a message that names the port. */
  whenTaken: 'use-free-ports' | 'refuse'
  /** A folder in which the documents are kept from one suite to the next; without it each begins empty. */
  persistIn?: string
  /** Gives up the start. */
  signal: AbortSignal
  /** Hears each line the suite prints. */
  onLine?: (line: string) => void
}

const launcher = join(repositoryRoot, 'packages/embedded/bin/imx-emulators')
const readySecondsMax = 120
const stopSecondsMax = 20
const tailLength = 4000
// What the Firebase CLI prints when the suite is up, and where its hub is.
const hubLine = /Emulator Hub host: (\S+) port: (\d+)/

const Emulators = z.record(z.string(), z.object({ host: z.string(), port: z.int() }))

const askHub = async (hub: string, projectId: string): Promise<Suite | undefined> => {
  const answer = await fetch(`http://${hub}/emulators`, { signal: AbortSignal.timeout(2000) }).catch(() => undefined)
  const emulators = Emulators.safeParse(await answer?.json().catch(() => undefined))
  if (!emulators.success) return undefined
  const addresses = Object.entries(emulators.data).map(([name, { host, port }]) => ({ name, host, port }))
  const hostOf = (name: string) => {
    const found = addresses.find((address) => address.name === name)
    return found && `${found.host}:${found.port}`
  }
  const [pubsubHost, firestoreHost] = [hostOf('pubsub'), hostOf('firestore')]
  return pubsubHost && firestoreHost ? { place: { projectId, pubsubHost, firestoreHost }, addresses } : undefined
}

/** The suite that runs already: where the environment says, or where firebase.json puts its hub. */
export const findSuite = async ({ hubHost, projectId }: Settings): Promise<Suite | undefined> => {
  if (hubHost) return askHub(hubHost, projectId)
  const hub = (await configuredAddresses(repositoryRoot)).find(({ name }) => name === 'hub')
  return hub && askHub(`${hub.host}:${hub.port}`, projectId)
}

const clockAddress = ({ scheduleClockHost }: Settings): ConfiguredAddress => {
  const setting = 'the environment variable IMX_SCHEDULE_CLOCK_HOST'
  const [, host, port] = /^(.+):(\d{1,5})$/.exec(scheduleClockHost) ?? []
  if (!host || Number(port) > 65_535) throw new SuiteError(`${setting} must be host:port, and is ${scheduleClockHost}`)
  return { name: 'schedule clock', host, port: Number(port), setting }
}

const buildFunctions = async (): Promise<void> => {
  const build = promisify(execFile)(process.execPath, [join(repositoryRoot, 'functions/build.ts')])
  await build.catch((error: unknown) => {
    throw new SuiteError(`functions/build.ts failed: ${error instanceof Error ? error.message : String(error)}`)
  })
}

/**
 * Builds the functions, and starts the Firebase Emulator Suite with them.
 *
 * @throws {SuiteError} when a port is taken, or the suite ends before it is ready
 */
export const startSuite = async (settings: Settings, options: SuiteOptions): Promise<OwnSuite> => {
  const { projectId } = settings
  const clock = clockAddress(settings)
  const configured = [...(await configuredAddresses(repositoryRoot)), clock]
  const taken = await takenAddresses(configured)
  if (taken.length > 0 && options.whenTaken === 'refuse') throw new SuiteError(takenMessage(taken))
  await buildFunctions()

  const flags = [...(options.google ? ['--google'] : []), ...(taken.length > 0 ? ['--free-ports'] : [])]
  const child = spawn(process.execPath, [launcher, ...flags, 'emulators:start', '--project', projectId], {
    cwd: repositoryRoot,
    env: suiteEnvironment(options.persistIn),
    stdio: ['ignore', 'pipe', 'pipe'],
    // A process group of its own: a terminal's Ctrl-C reaches us alone, and we stop the suite last.
    detached: true,
  })
  const ended = once(child, 'exit').then(() => {})
  const kill = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    } catch {
      // All of it is gone.
    }
  }
  process.once('exit', kill)
  const stop = async () => {
    child.kill('SIGTERM')
    await Promise.race([ended, delay(stopSecondsMax * 1000, undefined, { ref: false })])
    kill()
    process.off('exit', kill)
  }

  const log = createLogTail(tailLength)
  const ready = new Promise<string>((resolve) => {
    for (const stream of [child.stdout, child.stderr])
      createInterface({ input: stream }).on('line', (line) => {
        log.add(`${line}\n`)
        options.onLine?.(line)
        const [, host, port] = hubLine.exec(line) ?? []
        if (host && port) resolve(`${host}:${port}`)
      })
  })
  const hub = await Promise.race([
    ready,
    ended.then(() => undefined),
    delay(readySecondsMax * 1000, undefined, { ref: false, signal: options.signal }).catch(() => undefined),
  ])
  const suite = hub && (await askHub(hub, projectId))
  if (!suite) {
    await stop()
    options.signal.throwIfAborted()
    throw new SuiteError(`the emulator suite did not start; it said:\n${log.read()}`)
  }
  const addresses = [...suite.addresses, ...(taken.length === 0 && !options.google ? [clock] : [])]
  return { place: suite.place, addresses, ended, stop }
}
