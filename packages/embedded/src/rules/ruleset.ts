import { Coverage } from './coverage.ts'
import type { Decision, Reason } from './decision.ts'
import { DocumentReader } from './evaluate/document-reader.ts'
import { Evaluation, LimitReached } from './evaluate/evaluation.ts'
import { Frame, type Functions } from './evaluate/frame.ts'
import { matchSegments, type Subject } from './evaluate/match.ts'
import { bindCaptures, casesOf, requestMap, type Case } from './evaluate/request-frame.ts'
import { DocumentAccesses, type RulesRequest } from './request.ts'
import type { AllowStatement, Expression, FunctionDeclaration, MatchBlock, Method, RulesFile } from './syntax/ast.ts'
import { Failure, typeError } from './values/failure.ts'
import type { RulesValue } from './values/value.ts'

export interface RulesetOptions {
  /** Whether to keep what every expression was worth, for `coverage`. */
  readonly coverage?: boolean
  /** Where `debug(..)` writes. */
  readonly debug?: (value: RulesValue) => void
}

/** Rules that compiled, ready to decide. */
export class Ruleset {
  readonly version: '1' | '2'
  readonly source: string
  readonly file: RulesFile
  readonly #coverage: Coverage | null
  readonly #debug: (value: RulesValue) => void
  readonly #functions = new Map<object, Functions>()

  constructor(source: string, file: RulesFile, options: RulesetOptions = {}) {
    this.source = source
    this.version = file.version
    this.file = file
    this.#coverage = options.coverage ? new Coverage() : null
    this.#debug = options.debug ?? (() => {})
  }

  get coverage(): Coverage | null {
    return this.#coverage
  }

  /**
   * Whether the rules allow a request. A query is allowed if every document that it could return is. Throws only what
   * the request's lookup throws.
   */
  decide(request: RulesRequest): Decision {
    const accesses = request.accesses ?? new DocumentAccesses(10)
    let last: Decision = { allowed: false, reasons: [noMatch(request.method)], expressions: 0 }
    for (const each of casesOf(request)) {
      last = this.#decideCase(request, each, accesses)
      if (!last.allowed) return last
    }
    return last
  }

  #decideCase(request: RulesRequest, { subject, resource }: Case, accesses: DocumentAccesses): Decision {
    const documents = new DocumentReader(request.service, request.lookup ?? null, accesses)
    const evaluation = new Evaluation(documents, this.#coverage, this.#debug, request.query !== undefined)
    const reasons: Reason[] = []
    let allowed = false
    for (const { statement, frame } of this.#statements(request, subject, resource)) {
      const reason = tryStatement(evaluation, statement, frame, request.method)
      if (reason === null) {
        allowed = true
        break
      }
      reasons.push(reason)
      if (reason.final) break
    }
    if (!allowed && reasons.length === 0) reasons.push(noMatch(request.method))
    return { allowed, reasons, expressions: evaluation.expressions }
  }

  *#statements(request: RulesRequest, subject: Subject, resource: RulesValue): Generator<Candidate> {
    const root = new Frame(null, this.#functionsOf(this.file))
    root.bind('request', requestMap(request))
    root.bind('resource', resource)
    for (const service of this.file.services) {
      if (service.name !== request.service) continue
      const frame = new Frame(root, this.#functionsOf(service))
      for (const block of service.matches) yield* this.#inBlock(block, subject, frame, request.method)
    }
  }

  *#inBlock(block: MatchBlock, subject: Subject, parent: Frame, method: Method): Generator<Candidate> {
    for (const match of matchSegments(block.segments, subject, this.version)) {
      const frame = new Frame(parent, this.#functionsOf(block))
      bindCaptures(frame, match)
      if (match.left.length === 0) {
        for (const statement of block.allows) if (statement.methods.has(method)) yield { statement, frame }
      }
      for (const inner of block.matches) yield* this.#inBlock(inner, match.left, frame, method)
    }
  }

  #functionsOf(block: { readonly functions: readonly FunctionDeclaration[] }): Functions {
    let functions = this.#functions.get(block)
    if (!functions) {
      functions = new Map(block.functions.map((declaration) => [declaration.name, declaration]))
      this.#functions.set(block, functions)
    }
    return functions
  }
}

interface Candidate {
  readonly statement: AllowStatement
  readonly frame: Frame
}

const noMatch = (method: Method): Reason => ({
  kind: 'no-match',
  method,
  line: 0,
  at: { line: 0, column: 0 },
  message: '',
})

/** null if the statement allows. A reason is final where no other statement can be tried any more. */
const tryStatement = (
  evaluation: Evaluation,
  statement: AllowStatement,
  frame: Frame,
  method: Method,
): (Reason & { final?: true }) | null => {
  const { condition, position } = statement
  if (!condition) return null
  const base = { method, line: position.line } as const
  try {
    const outcome = evaluation.evaluate(condition, frame)
    if (outcome === true) return null
    if (outcome === false) return { ...base, kind: 'false', at: placeOf(condition), message: 'false' }
    const failure = outcome instanceof Failure ? outcome : typeError(outcome, 'bool')
    return { ...base, kind: 'error', at: failure.position ?? placeOf(condition), message: failure.message }
  } catch (error) {
    if (!(error instanceof LimitReached)) throw error
    return { ...base, kind: 'error', at: placeOf(condition), message: error.message, final: true }
  }
}

const placeOf = ({ position }: Expression): { line: number; column: number } => ({
  line: position.line,
  column: position.column,
})
