import { Command } from 'commander'
import { jsonOption, note, type Json } from './api-command.ts'
import { printJson, runCommand } from './command.ts'
import { openHttpApi } from './http-api.ts'
import { exportLog } from './ledger/export.ts'
import { readSettings } from './settings.ts'

const exportTo = async (folder: string, { json }: Json): Promise<void> => {
  const startedAt = performance.now()
  const { bytes } = await openHttpApi(readSettings(), 'ledger-api')
  const exported = await exportLog((path) => bytes(`/${path}`), folder)
  const seconds = Number(((performance.now() - startedAt) / 1000).toFixed(3))
  note(`${exported.origin}: ${exported.entries} entries; ${exported.files} files written`)
  if (json) printJson({ ...exported, seconds })
}

const program = new Command('ledger:export')
  .description(
    'Writes the ledger into a folder as c2sp.org/tlog-tiles has it, for ledger:verify and other readers of logs.',
  )
  .argument('<folder>', 'where to; an earlier export in it is brought up to date')
  .option(...jsonOption)
  .action((folder: string, options: Json) => runCommand(() => exportTo(folder, options)))

await program.parseAsync()
