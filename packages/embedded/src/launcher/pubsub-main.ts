import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPubSubEngine } from '../pubsub/index.ts'
import { runEngineProcess } from './engine-process.ts'
import { parseFlags, portOf } from './flags.ts'

await runEngineProcess('Pub/Sub engine', async () => {
  const flags = parseFlags(process.argv.slice(2))
  const {
    IMX_PUBSUB_OUTSTANDING: outstanding,
    IMX_PUBSUB_PERSIST: persistFolder,
    IMX_BIGQUERY_TABLES: tablesFolder,
  } = process.env
  const persistIn = flags['persist'] ?? persistFolder
  // Tables that nobody asked to keep go with the engine.
  const tablesIn = tablesFolder ?? (await mkdtemp(join(tmpdir(), 'imx-tables-')))
  const engine = await startPubSubEngine({
    host: flags['host'] ?? '127.0.0.1',
    port: portOf('port', flags['port'], 8085),
    outstandingPerStreamMax: Number(outstanding) || Infinity,
    log: console.log,
    tablesIn,
    ...(persistIn && { persistIn }),
  })
  const forgetTables = async (): Promise<void> => {
    if (tablesFolder === undefined) await rm(tablesIn, { recursive: true, force: true })
  }
  // POST /shutdown ends the process as a signal does.
  void engine.closed.then(forgetTables).then(() => process.exit(0))
  return { close: () => engine.close().then(forgetTables) }
})
