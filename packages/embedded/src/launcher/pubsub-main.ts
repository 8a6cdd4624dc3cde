import { startClock, suiteFunctions } from '../clock/index.ts'
import { startPubSubEngine } from '../pubsub/index.ts'
import { parseAddress } from './addresses.ts'
import { runEngineProcess, type Running } from './engine-process.ts'
import { parseFlags, portOf } from './flags.ts'

const log = console.log

const clockAt = (clockHost: string, functionsHost: string | undefined): Promise<Running> =>
  startClock({
    ...parseAddress('IMX_SCHEDULE_CLOCK_HOST', clockHost),
    functions: suiteFunctions(functionsHost ?? '127.0.0.1:5001'),
    log: (line) => log(`schedule clock: ${line}`),
  }).catch((error: NodeJS.ErrnoException) => {
    // Not in the words that the CLI looks for: it would blame the port of Pub/Sub.
    const reason = error.code === 'EADDRINUSE' ? 'the port is taken' : error.message
    throw new Error(`the schedule clock cannot listen on ${clockHost}: ${reason} (IMX_SCHEDULE_CLOCK_HOST sets it)`)
  })

await runEngineProcess('Pub/Sub engine', async () => {
  const flags = parseFlags(process.argv.slice(2))
  const {
    IMX_SCHEDULE_CLOCK_HOST: clockHost,
    IMX_FUNCTIONS_EMULATOR_HOST: functionsHost,
    IMX_PUBSUB_OUTSTANDING: outstanding,
  } = process.env
  const engine = await startPubSubEngine({
    host: flags['host'] ?? '127.0.0.1',
    port: portOf(flags, 'port', 8085),
    outstandingPerStreamMax: Number(outstanding) || Infinity,
    log,
  })
  // The clock lives here because this process lives as long as the suite does.
  const clock = clockHost ? await clockAt(clockHost, functionsHost) : undefined
  return {
    async close() {
      await Promise.all([engine.close(), clock?.close()])
    },
  }
})
