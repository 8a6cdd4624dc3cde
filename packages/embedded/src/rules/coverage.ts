import type { Expression } from './syntax/ast.ts'
import type { Outcome } from './values/failure.ts'
import { Failure } from './values/failure.ts'

/** What an expression was worth, and how often. */
export interface SeenValue {
  readonly value: Outcome
  readonly count: number
}

const valuesMax = 20

/** The values that expressions had, by expression. */
export class Coverage {
  readonly #seen = new Map<Expression, Map<unknown, { value: Outcome; count: number }>>()

  record(node: Expression, value: Outcome): void {
    let seen = this.#seen.get(node)
    if (!seen) this.#seen.set(node, (seen = new Map()))
    // Containers are told apart by identity: good enough for a count, and cheap.
    const key = value instanceof Failure ? `failure ${value.message}` : value
    const known = seen.get(key)
    if (known) known.count++
    else if (seen.size < valuesMax) seen.set(key, { value, count: 1 })
  }

  of(node: Expression): readonly SeenValue[] {
    return [...(this.#seen.get(node)?.values() ?? [])]
  }

  clear(): void {
    this.#seen.clear()
  }
}
