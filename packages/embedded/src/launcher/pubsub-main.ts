import { startPubSubEngine } from '../pubsub/index.ts'
import { runEngineProcess } from './engine-process.ts'
import { parseFlags, portOf } from './flags.ts'

await runEngineProcess('Pub/Sub engine', () => {
  const flags = parseFlags(process.argv.slice(2))
  return startPubSubEngine({ host: flags['host'] ?? '127.0.0.1', port: portOf(flags, 'port', 8085), log: console.log })
})
