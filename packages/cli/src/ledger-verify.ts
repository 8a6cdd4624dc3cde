import { existsSync, readFileSync, statSync } from 'node:fs'
import {
  faultOf,
  openFolder,
  policyOfKeys,
  readPolicy,
  textOf,
  verifyLog,
  verifyProof,
  type Policy,
  type SignedBy,
} from '@infinity-matrix/verifier'
import { Command } from 'commander'
import { printJson, runCommand } from './command.ts'

interface Options {
  key: string[]
  policy?: string
  json?: boolean
}

const note = (text: string) => process.stderr.write(`${text}\n`)

/** Whom to believe, by the options; nobody is named where a folder brings its own keys. */
const policyOf = ({ key, policy }: Options): Policy | undefined => {
  if (policy !== undefined) return readPolicy(textOf(readFileSync(policy), policy))
  return key.length > 0 ? policyOfKeys(key) : undefined
}

const timeOf = (seconds: number) => new Date(seconds * 1000).toISOString()

const signers = (signedBy: readonly SignedBy[]) =>
  signedBy.map(({ key, timeSeconds }) => ({
    name: key.name,
    kind: key.kind,
    time: timeSeconds === null ? null : timeOf(timeSeconds),
  }))

const verifyFolder = async (path: string, options: Options) => {
  const startedAt = performance.now()
  const { origin, entries, root, signedBy, earlierCheckpoints, anchors, areKeysGiven } = await verifyLog(
    openFolder(path),
    policyOf(options),
  )
  const seconds = (performance.now() - startedAt) / 1000
  note(`${origin} is whole: ${entries} entries, ${earlierCheckpoints} earlier checkpoints`)
  for (const { name, kind, time } of signers(signedBy)) note(`signed by ${name} (${kind})${time ? ` at ${time}` : ''}`)
  for (const { kind, id, size, timeSeconds } of anchors)
    note(`anchored at ${size} entries in ${kind} ${id}, of ${timeOf(timeSeconds)}`)
  if (!areKeysGiven) note('the keys are those of the folder itself: give --key or --policy to know whose log it is')
  return {
    origin,
    entries,
    root: Buffer.from(root).toString('base64'),
    signedBy: signers(signedBy),
    earlierCheckpoints,
    anchors: anchors.map(({ timeSeconds, ...anchor }) => ({ ...anchor, time: timeOf(timeSeconds) })),
    keys: areKeysGiven ? 'given' : 'of the folder',
    seconds: Number(seconds.toFixed(3)),
    entriesPerSecond: Math.round(entries / seconds),
  }
}

const verifyFile = (path: string, options: Options) => {
  const policy = policyOf(options)
  if (!policy) throw new TypeError('a proof brings no keys: give --key or --policy')
  const { origin, size, signedBy, entries, extendsSize, chain } = verifyProof(policy, textOf(readFileSync(path), path))
  for (const { index, entry } of entries)
    note(`entry ${index}: ${entry.time} ${entry.actor.kind} ${entry.actor.id} ${entry.action} ${entry.subject}`)
  if (extendsSize !== null) note(`the log of ${size} entries begins with that of ${extendsSize}`)
  if (chain) note(`these are all ${chain.events} events of ${chain.agentId} up to then`)
  note(`by ${origin} at ${size} entries`)
  return { origin, size, signedBy: signers(signedBy), entries, extendsSize, chain: chain ?? null }
}

const verify = async (path: string, options: Options) => {
  try {
    const isFolder = statSync(path).isDirectory()
    const found = isFolder ? await verifyFolder(path, options) : verifyFile(path, options)
    if (options.json) printJson({ ok: true, ...found })
  } catch (error) {
    const fault = faultOf(error)
    if (!fault) throw error
    note(`not whole: ${fault.position}: ${fault.what}`)
    if (options.json) printJson({ ok: false, ...fault })
    process.exitCode = 1
  }
}

const collect = (value: string, values: string[]): string[] => [...values, value]

const program = new Command('ledger:verify')
  .description(
    'Verifies an exported log, or a proof from one, offline. Exit code 1 where anything is not as it was signed.',
  )
  .argument('<path>', 'a folder that a log was exported to, or a file of a proof')
  .option('--key <vkey>', 'a key of the log, as its keeper published it; more than one may be given', collect, [])
  .option('--policy <file>', 'keys of logs and witnesses, in the form of c2sp.org/tlog-policy')
  .option('--json', 'print one JSON object as the last line')
  .action((path: string, options: Options) => {
    const missing = [path, options.policy].find((one) => one !== undefined && !existsSync(one))
    if (missing !== undefined) program.error(`error: there is no ${missing}`)
    return runCommand(() => verify(path, options))
  })

await program.parseAsync()
