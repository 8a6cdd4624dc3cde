import { Coverage, type ExpressionReport } from './coverage.ts'
import { formatReason, type Decision, type Reason } from './decision.ts'
import { DocumentReader } from './evaluate/document-reader.ts'
import { Evaluation, LimitReached } from './evaluate/evaluation.ts'
import { Frame, type Functions } from './evaluate/frame.ts'
import { matchSegments, type Subject } from './evaluate/match.ts'
import { bindCaptures, casesOf, requestMap, type Case } from './evaluate/request-frame.ts'
import { DocumentAccesses, type RulesRequest } from './request.ts'
import type { AllowStatement, FunctionDeclaration, MatchBlock, Method, RulesFile } from './syntax/ast.ts'
import { Failure, typeError, unread, type Outcome } from './values/failure.ts'
import { Symbolic, type RulesValue } from './values/value.ts'

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

  /** Every expression and what it was worth in the decisions so far, if the ruleset was compiled to keep that. */
  coverage(): readonly ExpressionReport[] {
    return (this.#coverage ?? new Coverage()).report(this.file)
  }

  /**
   * Whether the rules allow a request. A query is allowed if every document that it could return is. Throws only what
   * the request's lookup throws.
   */
  decide(request: RulesRequest): Decision {
    const accesses = request.accesses ?? new DocumentAccesses(10)
    let expressions = 0
    for (const each of casesOf(request)) {
      const documents = new DocumentReader(request, accesses)
      const symbolic = request.query !== undefined
      const evaluation = new Evaluation(documents, this.#coverage, this.#debug, symbolic)
      const tried = this.#try(request, each, evaluation)
      expressions += evaluation.expressions
      if (tried.at(-1)?.outcome === true) continue
      const reasons = tried.map((one) => reasonOf(one, request.method))
      if (reasons.length === 0) reasons.push(noMatch(request.method))
      return { allowed: false, reasons, explanation: this.#explanation(request, each, reasons), expressions }
    }
    return { allowed: true, reasons: [], explanation: [], expressions }
  }

  /**
   * Why not, in the emulator's words. It tries all statements before it reads any document, and then again those that
   * it could not decide; so of these it tells both.
   */
  #explanation(request: RulesRequest, { subject, resource }: Case, reasons: readonly Reason[]): readonly string[] {
    const documents = new DocumentReader(request, null)
    const evaluation = new Evaluation(documents, null, () => {}, true)
    const each = { subject, resource: request.query ? resource : unreadResource }
    const first = this.#try(request, each, evaluation).map(({ outcome, statement }) => ({
      undecided: isUnread(outcome),
      reason: reasonOf({ outcome, statement }, request.method),
    }))
    const again = reasons.filter((_, i) => first[i]?.undecided)
    return (again.length > 0 ? [...first.map(({ reason }) => reason), ...again] : reasons).flatMap(formatReason)
  }

  /** Tries the statements that match, to the first that allows, which is then the last. */
  #try(request: RulesRequest, { subject, resource }: Case, evaluation: Evaluation): readonly Tried[] {
    const tried: Tried[] = []
    let exhausted: Failure | null = null
    for (const { statement, frame } of this.#statements(request, subject, resource)) {
      const { condition } = statement
      try {
        const outcome = exhausted ?? (condition ? evaluation.evaluate(condition, frame) : true)
        tried.push({ statement, outcome })
        if (outcome === true) break
      } catch (error) {
        if (!(error instanceof LimitReached)) throw error
        // Nothing is evaluated any more, and so nothing allows.
        exhausted = new Failure(error.message)
        tried.push({ statement, outcome: exhausted })
      }
    }
    return tried
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

/** A statement that was tried, and what its condition was worth. */
interface Tried {
  readonly statement: AllowStatement
  readonly outcome: Outcome
}

const unreadResource = new Symbolic({ types: null }, unread.message)

const isUnread = (outcome: Outcome): boolean => outcome instanceof Failure && outcome.message === unread.message

const noMatch = (method: Method): Reason => ({
  kind: 'no-match',
  method,
  line: 0,
  at: { line: 0, column: 0 },
  message: 'No matching allow statements',
})

const reasonOf = ({ statement, outcome }: Tried, method: Method): Reason => {
  const start = (statement.condition ?? statement).position
  const condition = { line: start.line, column: start.column }
  const { line } = statement.position
  if (outcome === false) return { kind: 'false', method, line, at: condition, message: 'false' }
  const failure = outcome instanceof Failure ? outcome : typeError(outcome, 'bool')
  if (isUnread(failure)) {
    return { kind: 'error', method, line, at: condition, message: `evaluation error at L${start.line}:${start.column}` }
  }
  const { position } = failure
  const at = position ? { line: position.line, column: position.column } : condition
  return { kind: 'error', method, line, at, message: failure.message }
}
