import type { FunctionDeclaration } from '../syntax/ast.ts'
import type { Outcome } from '../values/failure.ts'

export type Functions = ReadonlyMap<string, FunctionDeclaration>

const none: Functions = new Map()

/** Names and what they stand for where an expression is evaluated, inside the frame that surrounds it. */
export class Frame {
  readonly parent: Frame | null
  readonly functions: Functions
  readonly #names: string[] = []
  readonly #values: Outcome[] = []

  constructor(parent: Frame | null, functions: Functions = none) {
    this.parent = parent
    this.functions = functions
  }

  /** A value that failed is kept as well: its failure counts where the name is used. */
  bind(name: string, value: Outcome): void {
    this.#names.push(name)
    this.#values.push(value)
  }

  /** undefined if there is no such name. */
  lookup(name: string): Outcome | undefined {
    const at = this.#names.lastIndexOf(name)
    return at >= 0 ? this.#values[at] : this.parent?.lookup(name)
  }

  /** A function and the frame in which it was declared, whose names it sees. */
  functionNamed(name: string): { readonly declaration: FunctionDeclaration; readonly home: Frame } | null {
    const declaration = this.functions.get(name)
    return declaration ? { declaration, home: this } : (this.parent?.functionNamed(name) ?? null)
  }
}
