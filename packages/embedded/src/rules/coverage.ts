import type { Expression, FunctionDeclaration, MatchBlock, RulesFile } from './syntax/ast.ts'
import { childrenOf } from './syntax/children.ts'
import type { Position } from './syntax/issue.ts'
import { Failure, type Outcome } from './values/failure.ts'

/** What an expression was worth, and how often. A failure is what it is worth where it has no value. */
export interface SeenValue {
  readonly value: Outcome
  readonly count: number
}

/** An expression, what it was worth, and the expressions inside it. */
export interface ExpressionReport {
  readonly position: Position
  readonly values: readonly SeenValue[]
  readonly children: readonly ExpressionReport[]
}

/** Values told apart for one expression: beyond these, only those seen before are counted. */
const valuesMax = 20

/** The values that expressions had, by expression. */
export class Coverage {
  readonly #seen = new Map<Expression, { value: Outcome; count: number }[]>()

  record(node: Expression, value: Outcome): void {
    // A literal is worth what it says.
    if (node.kind === 'literal') return
    const seen = this.#seen.get(node)
    if (!seen) {
      this.#seen.set(node, [{ value, count: 1 }])
      return
    }
    // Containers are told apart by identity: good enough for a count, and cheap.
    const known = seen.find((one) => one.value === value || sameFailure(one.value, value))
    if (known) known.count++
    else if (seen.length < valuesMax) seen.push({ value, count: 1 })
  }

  /** All expressions of allow statements and functions that a file holds, in the order of the source. */
  report(file: RulesFile): readonly ExpressionReport[] {
    return rootsOf(file).map((node) => this.#reportOf(node))
  }

  #reportOf(node: Expression): ExpressionReport {
    const children = childrenOf(node).map((child) => this.#reportOf(child))
    return { position: node.position, values: this.#seen.get(node) ?? [], children }
  }
}

const sameFailure = (a: Outcome, b: Outcome): boolean =>
  a instanceof Failure && b instanceof Failure && a.message === b.message

const rootsOf = ({ functions, services }: RulesFile): readonly Expression[] => {
  const inFunctions = (declared: readonly FunctionDeclaration[]): Expression[] =>
    declared.flatMap(({ lets, result }) => [...lets.map(({ value }) => value), result])
  const inMatch = ({ functions: declared, allows, matches }: MatchBlock): Expression[] => [
    ...inFunctions(declared),
    ...allows.flatMap(({ condition }) => condition ?? []),
    ...matches.flatMap(inMatch),
  ]
  const roots = services.flatMap((service) => [...inFunctions(service.functions), ...service.matches.flatMap(inMatch)])
  return [...inFunctions(functions), ...roots].toSorted((a, b) => a.position.offset - b.position.offset)
}
