import { Command } from 'commander'
import { localDeveloperToken } from './local-developer.ts'
import { readSettings } from './settings.ts'

await new Command('token')
  .description(
    'Prints a token for an hour, by which a suite of this machine takes you for an admin of the platform. Nothing else believes it.',
  )
  .action(() => void process.stdout.write(`${localDeveloperToken(readSettings().projectId, Date.now())}\n`))
  .parseAsync()
