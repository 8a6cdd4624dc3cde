import { writeFileSync } from 'node:fs'
import { AgentView, chainOf, WindowProof, type ChainProof } from '@infinity-matrix/contracts'
import { Command } from 'commander'
import { jsonOption, note, type Json } from './api-command.ts'
import { NoSuiteError, printJson, runCommand } from './command.ts'
import { openControlPlane } from './control-plane.ts'
import { openHttpApi } from './http-api.ts'
import { chainEvents } from './ledger/chain.ts'
import { archiveOf } from './rebuild/verify.ts'
import { readSettings } from './settings.ts'
import { findSuite } from './suite/suite.ts'

interface Options extends Json {
  agent?: string
  entry?: string
  files?: string
}

const proveEntry = async (entry: string): Promise<{ text: string; what: string }> => {
  const { bytes } = await openHttpApi(readSettings(), 'ledger-api')
  const proof = await bytes(`/v1/ledger/proofs/inclusion?entry=${encodeURIComponent(entry)}`)
  if (!proof) throw new Error(`there is no entry ${entry}, or it is not sealed yet`)
  return { text: Buffer.from(proof).toString('utf8'), what: `the entry ${entry}` }
}

/** All events of an agent up to its last window: the agent's chain, the archive's events, and what the ledger has of both. */
const proveAgent = async (agentId: string, files: string | undefined): Promise<{ text: string; what: string }> => {
  const settings = readSettings()
  const [fleet, ledger] = [await openHttpApi(settings, 'fleet-api'), await openHttpApi(settings, 'ledger-api')]
  const chain = chainOf(await fleet.call(AgentView, `/v1/agents/${encodeURIComponent(agentId)}`))
  if (!chain) throw new Error(`the ledger has no events of ${agentId}`)
  const query = { window: chain.window, agent: agentId }
  const proof = await ledger.call(WindowProof, '/v1/ledger/proofs/window', { query })
  const place = settings.pubsubHost && settings.firestoreHost ? settings : (await findSuite(settings))?.place
  if (!place) throw new NoSuiteError('no emulator suite runs: start one with npm start')
  const controlPlane = await openControlPlane(place)
  try {
    const events = await chainEvents(archiveOf(controlPlane, files), agentId, chain)
    const whole: ChainProof = { kind: 'chain', events, ...proof }
    return { text: `${JSON.stringify(whole, null, 2)}\n`, what: `all ${events.length} events of ${agentId}` }
  } finally {
    await controlPlane.close()
  }
}

const program = new Command('ledger:prove')
  .description('Writes a proof that ledger:verify checks offline: of an entry, or of all events of an agent.')
  .argument('<file>', 'where to')
  .option('--entry <id>', 'the entry with this id is in the log')
  .option('--agent <id>', 'these are all events of this agent, out of the archive')
  .option('--files <glob>', 'the Parquet files of the archive, where they are not those of the suite')
  .option(...jsonOption)
  .action((file: string, { agent, entry, files, json }: Options) => {
    if ((agent === undefined) === (entry === undefined)) program.error('error: either --entry or --agent is needed')
    return runCommand(async () => {
      const { text, what } = agent === undefined ? await proveEntry(entry ?? '') : await proveAgent(agent, files)
      writeFileSync(file, text)
      note(`${file} proves ${what}`)
      if (json) printJson({ file, proves: what, bytes: Buffer.byteLength(text) })
    })
  })

await program.parseAsync()
