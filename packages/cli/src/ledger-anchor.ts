import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openWith, readPolicy, verifyAnchor } from '@infinity-matrix/verifier'
import { Command } from 'commander'
import { printJson, runCommand } from './command.ts'
import { gitAnchorer } from './ledger/git-anchor.ts'

interface Options {
  git: string
  path: string
  push?: string
  json?: boolean
}

const anchor = async (folder: string, { git: repository, path, push, json }: Options): Promise<void> => {
  const published = await readFile(join(folder, 'checkpoint'), 'utf8')
  const policy = readPolicy(await readFile(join(folder, 'policy'), 'utf8'))
  const { size, origin } = openWith(policy, published).checkpoint
  const anchored = await gitAnchorer({ repository, path, ...(push !== undefined && { remote: push }) })(published)
  const file = join('anchors', `${anchored.kind}-${size}.json`)
  await mkdir(join(folder, 'anchors'), { recursive: true })
  await writeFile(join(folder, file), `${JSON.stringify(anchored)}\n`)
  const { id } = await verifyAnchor(anchored)
  process.stderr.write(`${origin} at ${size} entries is in commit ${id}\n`)
  if (json) printJson({ origin, size, kind: anchored.kind, id, file })
}

const program = new Command('ledger:anchor')
  .description(
    'Commits the checkpoint of an exported log to a repository, and leaves the evidence in the export, for ledger:verify.',
  )
  .argument('<folder>', 'that the log was exported to')
  .requiredOption('--git <folder>', 'a work tree of git')
  .option('--path <file>', 'the file in it that holds the checkpoint', 'checkpoint')
  .option('--push <remote>', 'where the commit is pushed to')
  .option('--json', 'print one JSON object as the last line')
  .action((folder: string, options: Options) => runCommand(() => anchor(folder, options)))

await program.parseAsync()
