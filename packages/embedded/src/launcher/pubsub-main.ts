import { startPubSubEngine } from '../pubsub/index.ts'
import { runEngineProcess } from './engine-process.ts'
import { parseFlags, portOf } from './flags.ts'

await runEngineProcess('Pub/Sub engine', async () => {
  const flags = parseFlags(process.argv.slice(2))
  const { IMX_PUBSUB_OUTSTANDING: outstanding, IMX_PUBSUB_PERSIST: persistFolder } = process.env
  const persistIn = flags['persist'] ?? persistFolder
  const engine = await startPubSubEngine({
    host: flags['host'] ?? '127.0.0.1',
    port: portOf('port', flags['port'], 8085),
    outstandingPerStreamMax: Number(outstanding) || Infinity,
    log: console.log,
    ...(persistIn && { persistIn }),
  })
  // POST /shutdown ends the process as a signal does.
  void engine.closed.then(() => process.exit(0))
  return engine
})
