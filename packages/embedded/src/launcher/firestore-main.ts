import { startFirestoreEngine } from '../firestore/index.ts'
import { runEngineProcess } from './engine-process.ts'
import { parseFlags, portOf } from './flags.ts'

await runEngineProcess('Firestore engine', async () => {
  const flags = parseFlags(process.argv.slice(2))
  const persistIn = flags['persist'] ?? process.env['IMX_FIRESTORE_PERSIST']
  const seedFrom = flags['seed_from_export'] ?? flags['import-data']
  const functionsHost = flags['functions_emulator']
  const engine = await startFirestoreEngine({
    host: flags['host'] ?? '127.0.0.1',
    port: portOf('port', flags['port'], 8080),
    log: console.error,
    ...(flags['rules'] && { rulesFile: flags['rules'] }),
    ...(persistIn && { persistIn }),
    ...(seedFrom && { seedFrom }),
    ...(functionsHost && { functionsHost }),
  })
  console.log(`Firestore engine listening on ${engine.host}:${engine.port}`)
  // POST /shutdown ends the process as a signal does.
  void engine.closed.then(() => process.exit(0))
  return engine
})
