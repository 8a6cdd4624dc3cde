import { setTimeout as delay } from 'node:timers/promises'
import {
  agentsPerSecondMax,
  JobAgents,
  JobList,
  JobPreview,
  JobView,
  pageSizeMax,
  workingJobStatuses,
  type Properties,
} from '@infinity-matrix/contracts'
import { Command, Option } from 'commander'
import { filterOf, withFilterOptions, type FilterOptions } from './agents/filter-options.ts'
import { jsonOption, note, tellFrom, type Json } from './api-command.ts'
import { numberFrom, stopSignal } from './command.ts'
import type { HttpApi } from './http-api.ts'
import { jobLine, jobsTable, jobText, pageText, previewText } from './jobs/tables.ts'
import { propertiesFrom } from './properties-argument.ts'

interface CreateOptions extends FilterOptions, Json {
  id?: string
  rate: number
  ifDesired?: Properties
  ifReported?: Properties
  within?: number
  failures?: number
  failureShare: number
  onFailure: 'abort' | 'roll-back'
  dryRun?: boolean
}

// Between two requests that find nothing to do yet; the function itself works for 20 s at a time.
const pauseMs = 1000
const tell = tellFrom('fleet-api')
const pathOf = (id: string) => `/v1/jobs/${encodeURIComponent(id)}`
const isWorking = ({ state }: JobView) => (workingJobStatuses as readonly string[]).includes(state.status)

const requestOf = (patch: Properties, options: CreateOptions): object => ({
  ...(options.id === undefined ? {} : { jobId: options.id }),
  filter: filterOf(options),
  patch,
  condition: { desired: options.ifDesired, reported: options.ifReported },
  agentsPerSecond: options.rate,
  acknowledgement:
    options.within === undefined
      ? null
      : {
          withinSeconds: options.within,
          failuresMax: options.failures,
          failureShareMax: options.failureShare,
          onFailure: options.onFailure,
        },
})

/** Has a job worked on until it has nothing to do. When this command is stopped, the job goes on by itself. */
const runToEnd = async (api: HttpApi, id: string): Promise<JobView> => {
  const signal = stopSignal()
  for (;;) {
    const job = await api.call(JobView, `${pathOf(id)}/run`, { method: 'POST' })
    if (!isWorking(job)) return job
    note(jobLine(job))
    await delay(pauseMs, undefined, { signal })
  }
}

const program = new Command('jobs').description('Changes of what is desired of many agents.')

withFilterOptions(
  program
    .command('create')
    .argument('<patch>', 'a JSON Merge Patch on what is desired of each, such as {"level":"debug"}', propertiesFrom)
    .description('plans a job for all agents that a filter means; it begins within a minute, or by `run`'),
)
  .option('--id <id>', 'made up by you, so that asking twice makes one job')
  .option('--rate <agents/s>', 'at most so many a second', numberFrom(0.1, agentsPerSecondMax), 50)
  .option('--if-desired <properties>', 'only agents of which this is desired already', propertiesFrom)
  .option('--if-reported <properties>', 'only agents that report this already', propertiesFrom)
  .option('--within <seconds>', 'in which agents have to come in sync; without it nobody looks', numberFrom(5, 86_400))
  .option('--failures <agents>', 'that may fail to', numberFrom(0, 1_000_000_000, { whole: true }))
  .option('--failure-share <fraction>', 'of all, that may fail to', numberFrom(0, 1), 0.1)
  .addOption(new Option('--on-failure <what>', 'when more do').choices(['abort', 'roll-back']).default('abort'))
  .option('--dry-run', 'only tell what it would do')
  .option(...jsonOption)
  .action((patch: Properties, options: CreateOptions) => {
    const body = requestOf(patch, options)
    return options.dryRun
      ? tell(
          (api) => api.call(JobPreview, '/v1/jobs', { method: 'POST', query: { dryRun: true }, body }),
          previewText,
          options,
        )
      : tell((api) => api.call(JobView, '/v1/jobs', { method: 'POST', body }), jobText, options)
  })

program
  .command('list')
  .description('jobs, in the order of their ids')
  .option('--limit <jobs>', 'at most so many', numberFrom(1, pageSizeMax, { whole: true }), 50)
  .option('--page-token <token>', 'go on after the page that told it')
  .option(...jsonOption)
  .action((options: Json & { limit: number; pageToken?: string }) => {
    const query = { pageSize: options.limit, pageToken: options.pageToken }
    return tell((api) => api.call(JobList, '/v1/jobs', { query }), jobsTable, options)
  })

program
  .command('show <id>')
  .description('a job: what was asked, and how far it is')
  .option(
    '--page <number>',
    'what became of the agents of this page instead',
    numberFrom(0, 99_999_999, { whole: true }),
  )
  .option(...jsonOption)
  .action((id: string, options: Json & { page?: number }) =>
    options.page === undefined
      ? tell((api) => api.call(JobView, pathOf(id)), jobText, options)
      : tell(
          (api) => api.call(JobAgents, `${pathOf(id)}/agents`, { query: { page: options.page } }),
          pageText,
          options,
        ),
  )

program
  .command('run <id>')
  .description('has a job worked on now, until it ends; it goes on by itself when this is stopped')
  .option(...jsonOption)
  .action((id: string, options: Json) => tell((api) => runToEnd(api, id), jobLine, options))

const commands = {
  pause: 'has a job wait',
  resume: 'lets a paused job go on',
  abort: 'ends a job; what it wrote stays',
  'roll-back': 'restores what a job replaced, where what it wrote still stands; by `run`, or within a minute',
}
for (const [name, description] of Object.entries(commands))
  program
    .command(`${name} <id>`)
    .description(description)
    .option(...jsonOption)
    .action((id: string, options: Json) =>
      tell((api) => api.call(JobView, `${pathOf(id)}/${name}`, { method: 'POST' }), jobLine, options),
    )

await program.parseAsync()
