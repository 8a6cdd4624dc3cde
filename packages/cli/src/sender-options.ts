import { Envelope, tiers } from '@infinity-matrix/contracts'
import { InvalidArgumentError, Option, type Command } from 'commander'
import type { Sender } from './events.ts'

type Slug = 'tenant' | 'region'

const slug = (name: Slug) => (text: string) => {
  const parsed = Envelope.shape[name].safeParse(text)
  if (!parsed.success) throw new InvalidArgumentError(parsed.error.issues[0]?.message ?? 'is not valid')
  return parsed.data
}

/** Adds the options that say for whom and where an agent works; `tenant` is the default one. */
export const withSenderOptions = (command: Command, tenant: string): Command =>
  command
    .option('--tenant <name>', 'whose agents they are', slug('tenant'), tenant)
    .option('--region <name>', 'where they work', slug('region'), 'local')
    .addOption(new Option('--tier <tier>', 'their service tier').choices(tiers).default('standard'))

export type SenderOptions = Omit<Sender, 'agentId'>
