import { agentStatuses, tiers, type AgentFilter } from '@infinity-matrix/contracts'
import { InvalidArgumentError, Option, type Command } from 'commander'

export interface FilterOptions extends Omit<AgentFilter, 'labels'> {
  label?: Record<string, string>
}

const labelsWith = (text: string, labels: Record<string, string> = {}) => {
  const [, name, value] = /^([^=]+)=(.+)$/.exec(text) ?? []
  if (name === undefined || value === undefined) throw new InvalidArgumentError('must be a name and a value, as team=a')
  return { ...labels, [name]: value }
}
const yesOrNo = (text: string) => {
  if (text !== 'yes' && text !== 'no') throw new InvalidArgumentError('must be yes or no')
  return text === 'yes'
}

/** Adds the options that say which agents are meant. */
export const withFilterOptions = (command: Command): Command =>
  command
    .option('--tenant <name>', 'of this tenant')
    .option('--region <name>', 'in this region')
    .addOption(new Option('--tier <tier>', 'of this service tier').choices(tiers))
    .addOption(new Option('--status <status>', 'that are so').choices(agentStatuses))
    .option('--kind <kind>', 'of this kind')
    .option('--in-sync <yes|no>', 'that report all that is desired of them, or do not', yesOrNo)
    .option('--label <name=value>', 'with this label; may be given several times', labelsWith)

export const filterOf = ({ tenant, region, tier, status, kind, inSync, label }: FilterOptions): AgentFilter => ({
  tenant,
  region,
  tier,
  status,
  kind,
  inSync,
  labels: label,
})

/** A filter as the query string of the API says it. */
export const queryOf = ({ labels = {}, ...fields }: AgentFilter): Record<string, string | boolean | undefined> => ({
  ...fields,
  ...Object.fromEntries(Object.entries(labels).map(([name, value]) => [`label.${name}`, value])),
})
