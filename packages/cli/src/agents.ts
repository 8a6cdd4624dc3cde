import { AgentCount, AgentCounts, AgentPage, AgentView, pageSizeMax, type Properties } from '@infinity-matrix/contracts'
import { Command } from 'commander'
import { desire } from './agents/desire.ts'
import { filterOf, queryOf, withFilterOptions, type FilterOptions } from './agents/filter-options.ts'
import { agentsTable, agentText, countsText, desiredText } from './agents/tables.ts'
import { jsonOption, tellFrom, type Json } from './api-command.ts'
import { numberFrom } from './command.ts'
import { propertiesFrom } from './properties-argument.ts'

const tell = tellFrom('fleet-api')

const program = new Command('agents').description('The agents of the control plane: found, counted, shown and changed.')

withFilterOptions(program.command('search').description('agents that a filter means, in the order of their ids'))
  .option('--limit <agents>', 'at most so many', numberFrom(1, pageSizeMax, { whole: true }), 50)
  .option('--page-token <token>', 'go on after the page that told it')
  .option(...jsonOption)
  .action((options: FilterOptions & Json & { limit: number; pageToken?: string }) => {
    const query = { ...queryOf(filterOf(options)), pageSize: options.limit, pageToken: options.pageToken }
    return tell((api) => api.call(AgentPage, '/v1/agents', { query }), agentsTable, options)
  })

withFilterOptions(
  program
    .command('counts')
    .description('how many agents there are: of one tenant by region, tier and status; of any other filter as a whole'),
)
  .option(...jsonOption)
  .action((options: FilterOptions & Json) => {
    const query = queryOf(filterOf(options))
    return tell((api) => api.call(AgentCounts.or(AgentCount), '/v1/counts', { query }), countsText, options)
  })

program
  .command('show <id>')
  .description('an agent: its state, what is desired of it, its latest reports')
  .option(...jsonOption)
  .action((id: string, options: Json) =>
    tell((api) => api.call(AgentView, `/v1/agents/${encodeURIComponent(id)}`), agentText, options),
  )

program
  .command('desire')
  .argument('<id>')
  .argument('<patch>', 'a JSON Merge Patch on its desired properties, such as {"level":"debug"}', propertiesFrom)
  .description('changes what is desired of an agent, unless somebody else changes the same meanwhile')
  .option(...jsonOption)
  .action((id: string, patch: Properties, options: Json) =>
    tell(
      (api) => desire(api, id, patch),
      ({ view }) => desiredText(view),
      options,
    ),
  )

await program.parseAsync()
