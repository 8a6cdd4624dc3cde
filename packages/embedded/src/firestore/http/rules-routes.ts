import { formatIssue, type Issue, type Ruleset } from '../../rules/index.ts'
import { Code, StatusError } from '../../wire/status-error.ts'
import type { Engine } from '../engine.ts'
import { coverageHtml, coverageJson } from './rule-coverage.ts'
import type { Request, Response, Route } from './server.ts'

interface RulesBody {
  /** Answer 200 with the issues when there are errors, as the Firebase CLI wants it; the test library wants an error. */
  readonly ignore_errors?: unknown
  readonly rules?: { readonly files?: readonly { readonly content?: unknown }[] }
}

const bodyOf = (text: string): { source: string; tolerant: boolean } => {
  const body = (text.trim() === '' ? {} : JSON.parse(text)) as RulesBody | null
  const content = body?.rules?.files?.[0]?.content
  if (typeof content !== 'string') throw new SyntaxError('rules.files[0].content must be a string')
  return { source: content, tolerant: body?.ignore_errors === true }
}

const issueJson = ({ severity, description, position }: Issue): object => ({
  sourcePosition: { line: position?.line ?? 0, column: position?.column ?? 0 },
  severity,
  description,
})

const PROJECT = String.raw`^/emulator/v1/projects/(?<project>[^/]+)`

/**
 * Security rules over HTTP as Google's emulator has them: what the Firebase CLI puts when the file changes and
 * `@firebase/rules-unit-testing` at the start of a test, and what each expression of them has come to since.
 */
export const rulesRoutes = (engine: Engine): Route[] => {
  const put = ({ groups, body }: Request): Response => {
    const { source, tolerant } = bodyOf(body)
    const issues = engine.rules.load(groups['project'] as string, source)
    const errors = issues.filter(({ severity }) => severity === 'ERROR')
    if (errors.length > 0 && !tolerant) {
      throw new StatusError(Code.INVALID_ARGUMENT, ['Error compiling rules:', ...errors.map(formatIssue)].join('\n'))
    }
    return { status: 200, body: issues.length > 0 ? { issues: issues.map(issueJson) } : {} }
  }
  const loaded = ({ groups }: Request): Ruleset => {
    const project = groups['project'] as string
    const ruleset = engine.rules.of(project)
    if (!ruleset) throw new StatusError(Code.NOT_FOUND, `There are no security rules for project ${project}.`)
    return ruleset
  }
  return [
    { method: 'PUT', path: new RegExp(`${PROJECT}:securityRules$`), handle: put },
    {
      method: 'GET',
      path: new RegExp(`${PROJECT}:ruleCoverage$`),
      handle: (request) => ({ status: 200, body: coverageJson(loaded(request)) }),
    },
    {
      method: 'GET',
      path: new RegExp(`${PROJECT}:ruleCoverage\\.html$`),
      handle: (request) => ({
        status: 200,
        body: coverageHtml(loaded(request)),
        headers: { 'content-type': 'text/html; charset=utf-8' },
      }),
    },
  ]
}
