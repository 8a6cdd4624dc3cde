// What the commands have in common that ask one function of the control plane, and print its answer.
import { printJson, runCommand } from './command.ts'
import { openHttpApi, type HttpApi } from './http-api.ts'
import { readSettings } from './settings.ts'

export interface Json {
  json?: boolean
}
/** The help of `--json`, as all such commands have it. */
export const jsonOption = ['--json', 'print one JSON object as the last line'] as const

export const note = (text: string) => process.stderr.write(`${text}\n`)

/** Calls a function's API, and prints what it answers: as text for people, or as JSON in the last line. */
export const tellFrom =
  (functionName: string) =>
  <T extends object>(ask: (api: HttpApi) => Promise<T>, text: (answer: T) => string, { json }: Json) =>
    runCommand(async () => {
      const answer = await ask(await openHttpApi(readSettings(), functionName))
      if (json) printJson(answer)
      else process.stdout.write(`${text(answer)}\n`)
    })
