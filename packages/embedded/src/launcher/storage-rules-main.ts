import { serveStorageRules } from '../storage-rules/index.ts'
import { runEngineProcess } from './engine-process.ts'

await runEngineProcess('Storage rules', async () => {
  void serveStorageRules(process.stdin, process.stdout, console.error).then(() => process.exit(0))
  return { close: async () => {} }
})
