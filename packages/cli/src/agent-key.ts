import { generateKeyPairSync } from 'node:crypto'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { AgentId, AgentKey, AgentKeyFile, AgentKeyList, Slug } from '@infinity-matrix/contracts'
import { createAgentCredential, signWithJwk } from '@infinity-matrix/sdk'
import { Command, InvalidArgumentError } from 'commander'
import type { z } from 'zod'
import { jsonOption, tellFrom, type Json } from './api-command.ts'
import { runCommand } from './command.ts'
import { functionsUrlOf } from './http-api.ts'
import { readSettings } from './settings.ts'
import { tableOf } from './table.ts'

interface Options extends Json {
  tenant: string
}

const tell = tellFrom('access-api')
const path = '/v1/agent-keys'

const parsedBy =
  <T>(schema: z.ZodType<T>) =>
  (text: string): T => {
    const parsed = schema.safeParse(text)
    if (!parsed.success) throw new InvalidArgumentError(parsed.error.issues[0]?.message ?? 'is not valid')
    return parsed.data
  }

/** Makes a pair of keys: the one half is registered, the other goes into a file, and nowhere else. */
const add = (agentId: AgentId, { tenant, out, ...options }: Options & { out?: string }): Promise<void> => {
  const file = out ?? `${agentId.replaceAll(/[^A-Za-z0-9._-]/g, '-')}.key.json`
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const { projectId: audience } = readSettings()
  const kept = AgentKeyFile.parse({ tenant, agentId, audience, privateKey: privateKey.export({ format: 'jwk' }) })
  const body = { tenant, agentId, publicKey: publicKey.export({ format: 'jwk' }).x }
  return tell(
    async (api) => {
      await writeFile(file, `${JSON.stringify(kept)}\n`, { mode: 0o600, flag: 'wx' })
      try {
        return await api.call(AgentKey, path, { method: 'POST', body })
      } catch (error) {
        await rm(file)
        throw error
      }
    },
    ({ id }) => `key ${id} of ${agentId} is registered; its private half is in ${file}`,
    options,
  )
}

const token = async (file: string): Promise<void> => {
  const { privateKey, ...who } = AgentKeyFile.parse(JSON.parse(await readFile(file, 'utf8')))
  const origin = `${await functionsUrlOf(readSettings())}/access-agentTokens`
  const credential = createAgentCredential({ origin, ...who, sign: signWithJwk(privateKey) })
  process.stdout.write(`${await credential.token()}\n`)
}

const keysTable = ({ keys }: z.infer<typeof AgentKeyList>): string =>
  tableOf(
    ['key', 'public key', 'registered', 'by', 'used'],
    5,
    keys.map(({ id, publicKey, createdAt, createdBy, lastUsedOn }) => [
      id,
      publicKey,
      createdAt,
      createdBy,
      lastUsedOn ?? 'never',
    ]),
  )

const program = new Command('agent:key').description(
  'Keys by which agents show who they are. An agent has at most two, so that one can take the place of the other.',
)
const ofAgent = (command: Command): Command =>
  command
    .argument('<agent>', 'its id', parsedBy(AgentId))
    .option('--tenant <name>', 'whose agent it is', parsedBy(Slug), 'demo')
    .option(...jsonOption)

ofAgent(program.command('add'))
  .description('makes a key, registers it, and keeps its private half in a file')
  .option('--out <file>', 'the file, which must not be there; <agent>.key.json without it')
  .action((agentId: AgentId, options: Options & { out?: string }) => add(agentId, options))

ofAgent(program.command('list'))
  .description('the keys of an agent')
  .action((agentId: AgentId, { tenant, ...options }: Options) =>
    tell((api) => api.call(AgentKeyList, path, { query: { tenant, agentId } }), keysTable, options),
  )

ofAgent(program.command('remove'))
  .argument('<key>', 'as the list names it')
  .description('takes a key away: tokens that were got with it are void within a minute')
  .action((agentId: AgentId, id: string, { tenant, ...options }: Options) =>
    tell(
      (api) =>
        api.call(AgentKey, `${path}/${encodeURIComponent(id)}`, { method: 'DELETE', query: { tenant, agentId } }),
      () => `key ${id} of ${agentId} is gone`,
      options,
    ),
  )

program
  .command('token <file>')
  .description('prints a token of the agent whose key is in the file, for ten minutes')
  .action((file: string) => runCommand(() => token(file)))

await program.parseAsync()
