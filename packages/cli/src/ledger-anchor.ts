import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { evmAnchorer } from '@infinity-matrix/anchors'
import type { Anchor } from '@infinity-matrix/contracts'
import { openWith, readPolicy, verifyAnchor } from '@infinity-matrix/verifier'
import { Command } from 'commander'
import { printJson, runCommand } from './command.ts'
import { anchorInSteps } from './ledger/evm-anchor.ts'
import { gitAnchorer } from './ledger/git-anchor.ts'

interface Options {
  git?: string
  path: string
  push?: string
  evm?: string
  keyFile?: string
  chainId: string
  confirmations: string
  json?: boolean
}

const inGit = async (published: string, repository: string, { path, push }: Options): Promise<Anchor | null> =>
  gitAnchorer({ repository, path, ...(push !== undefined && { remote: push }) }).advance(
    published,
    null,
    async () => undefined,
  )

const inChain = async (published: string, folder: string, rpcUrl: string, options: Options): Promise<Anchor> => {
  const { keyFile, chainId, confirmations } = options
  if (keyFile === undefined) throw new TypeError('--evm needs --key-file')
  const anchorer = evmAnchorer({
    rpcUrl,
    chainId: Number(chainId),
    privateKey: (await readFile(keyFile, 'utf8')).trim(),
    confirmations: Number(confirmations),
    nowMs: Date.now,
  })
  return anchorInSteps(anchorer, published, `${folder.replace(/\/+$/, '')}.anchor.json`)
}

const anchor = async (folder: string, options: Options): Promise<void> => {
  const { git, evm, json } = options
  const published = await readFile(join(folder, 'checkpoint'), 'utf8')
  const policy = readPolicy(await readFile(join(folder, 'policy'), 'utf8'))
  openWith(policy, published)
  const anchored =
    git === undefined ? await inChain(published, folder, evm ?? '', options) : await inGit(published, git, options)
  if (!anchored) return
  // A checkpoint that an earlier run left on its way may be an earlier one.
  const { size, origin } = openWith(policy, anchored.checkpoint).checkpoint
  const file = join('anchors', `${anchored.kind}-${size}.json`)
  await mkdir(join(folder, 'anchors'), { recursive: true })
  await writeFile(join(folder, file), `${JSON.stringify(anchored)}\n`)
  const { kind, id } = await verifyAnchor(anchored)
  process.stderr.write(`${origin} at ${size} entries is in ${kind === 'git' ? 'commit' : 'block'} ${id}\n`)
  if (json) printJson({ origin, size, kind, id, file })
}

const program = new Command('ledger:anchor')
  .description(
    'Puts the checkpoint of an exported log into a repository of git, or a chain, and leaves the evidence in the export, for ledger:verify.',
  )
  .argument('<folder>', 'that the log was exported to')
  .option('--git <folder>', 'a work tree of git, in which the checkpoint is committed')
  .option('--path <file>', 'the file in it that holds the checkpoint', 'checkpoint')
  .option('--push <remote>', 'where the commit is pushed to')
  .option('--evm <url>', 'a node of an EVM chain, by JSON-RPC: a transaction holds the checkpoint')
  .option('--key-file <file>', 'with the private key of the account that pays for it, in hex digits')
  .option('--chain-id <number>', 'of the chain', '1')
  .option('--confirmations <blocks>', 'that are waited for', '12')
  .option('--json', 'print one JSON object as the last line')
  .action((folder: string, options: Options) => {
    if ((options.git === undefined) === (options.evm === undefined))
      program.error('error: either --git or --evm is needed')
    return runCommand(() => anchor(folder, options))
  })

await program.parseAsync()
