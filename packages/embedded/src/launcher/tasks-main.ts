import { startClock, suiteFunctions, SuiteTime, systemTime } from '../clock/index.ts'
import { startTasksEngine, type TasksEngine } from '../tasks/index.ts'
import { parseAddress } from './addresses.ts'
import { runEngineProcess, type Running } from './engine-process.ts'
import { parseFlags, portOf } from './flags.ts'

const startClockAt = (
  clockHost: string,
  functionsHost: string | undefined,
  time: SuiteTime,
  { tasks }: TasksEngine,
): Promise<Running> =>
  startClock({
    ...parseAddress('IMX_SCHEDULE_CLOCK_HOST', clockHost),
    functions: suiteFunctions(functionsHost ?? '127.0.0.1:5001'),
    tasks,
    time,
    log: (line) => console.error(`schedule clock: ${line}`),
  }).catch((error: NodeJS.ErrnoException) => {
    // Not in the words that the CLI looks for: it would blame the port of another emulator.
    const reason = error.code === 'EADDRINUSE' ? 'the port is taken' : error.message
    throw new Error(`the schedule clock cannot listen on ${clockHost}: ${reason} (IMX_SCHEDULE_CLOCK_HOST sets it)`)
  })

await runEngineProcess('Cloud Tasks engine', async () => {
  const flags = parseFlags(process.argv.slice(2))
  const {
    IMX_SCHEDULE_CLOCK_HOST: clockHost,
    IMX_FUNCTIONS_EMULATOR_HOST: functionsHost,
    IMX_APP_ENGINE_ORIGIN: appEngineOrigin,
  } = process.env
  const time = new SuiteTime(systemTime)
  const engine = await startTasksEngine({
    host: flags['host'] ?? '127.0.0.1',
    port: portOf('port', flags['port'], 9499),
    time,
    log: console.error,
    ...(appEngineOrigin && { appEngineOrigin }),
  })
  // One process for both, since tests step schedules and tasks together.
  const clock = clockHost ? await startClockAt(clockHost, functionsHost, time, engine) : undefined
  console.log(`Cloud Tasks engine listening on ${engine.host}:${engine.port}`)
  return {
    async close() {
      await Promise.all([engine.close(), clock?.close()])
      time.stop()
    },
  }
})
