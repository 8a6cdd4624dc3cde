import type { ReportContent } from '@infinity-matrix/core/reported-state'
import { PropertiesReported, StatusChanged, StepTaken } from '@infinity-matrix/contracts'

const schemas = { step: StepTaken, status: StatusChanged, properties: PropertiesReported } as const
const names = ['step', 'status', 'properties'] as const
const prefixes = names.map((name) => `::${name} `)
const lineLengthMax = 65_536

/** What a worker says with one line of its output, or why it is not understood. */
const read = (line: string): { report: ReportContent } | { problem: string } => {
  const name = names.find((one) => line.startsWith(`::${one} `)) ?? 'step'
  let json: unknown
  try {
    json = JSON.parse(line.slice(`::${name} `.length))
  } catch {
    return { problem: `::${name} must be followed by JSON on the same line` }
  }
  const refusal = (issues: readonly { path: PropertyKey[]; message: string }[]) => {
    const [issue] = issues
    return { problem: `::${name} ${issue?.path.map(String).join('.') ?? ''} ${issue?.message ?? 'is not valid'}` }
  }
  if (name === 'step') {
    const step = schemas.step.safeParse(json)
    return step.success ? { report: { type: 'agent.step-taken.v1', data: step.data } } : refusal(step.error.issues)
  }
  if (name === 'properties') {
    const reported = schemas.properties.safeParse(json)
    return reported.success
      ? { report: { type: 'agent.properties-reported.v1', data: reported.data } }
      : refusal(reported.error.issues)
  }
  const status = schemas.status.safeParse(json)
  return status.success
    ? { report: { type: 'agent.status-changed.v1', data: status.data } }
    : refusal(status.error.issues)
}

interface Handlers {
  onReport: (report: ReportContent) => void
  onProblem: (problem: string) => void
  /** Everything else, as it comes. */
  onText: (text: string) => void
}

/**
 * Finds in a worker's standard output the lines by which it reports: `::step {json}` with the data of
 * `agent.step-taken.v1`, `::status {json}` with that of `agent.status-changed.v1`, and `::properties {json}` with that of
 * `agent.properties-reported.v1`. All other output passes at once, also when its line has no end yet.
 */
export const createDirectives = ({ onReport, onProblem, onText }: Handlers) => {
  let held = ''
  let isInsideLine = false

  const mayBeDirective = (text: string) =>
    prefixes.some((prefix) => text.startsWith(prefix) || prefix.startsWith(text)) && text.length <= lineLengthMax

  const pass = (text: string) => {
    if (text === '') return
    isInsideLine = !text.endsWith('\n')
    onText(text)
  }

  /** @param line without its end */
  const takeLine = (line: string, end: string) => {
    if (isInsideLine || !prefixes.some((prefix) => line.startsWith(prefix))) return pass(line + end)
    const said = read(line.trimEnd())
    if ('report' in said) onReport(said.report)
    else onProblem(said.problem)
  }

  return {
    write: (chunk: string) => {
      const lines = (held + chunk).split('\n')
      held = lines.pop() ?? ''
      for (const line of lines) takeLine(line, '\n')
      if (isInsideLine || !mayBeDirective(held)) {
        pass(held)
        held = ''
      }
    },
    end: () => {
      if (held !== '') takeLine(held, '')
      held = ''
    },
  }
}
