import type { FunctionDeclaration } from '../syntax/ast.ts'
import type { Issue } from '../syntax/issue.ts'

/** A name that was used and what may be wrong with that. */
export interface Doubt {
  readonly issue: Issue
  /** Whether the name is one that the service gives, and so is wrong only where no rule calls the function. */
  readonly global: boolean
}

/** A function of the rules, and what it uses. */
export interface DeclaredFunction {
  readonly declaration: FunctionDeclaration
  readonly scope: Scope
  readonly calls: Set<DeclaredFunction>
  readonly doubts: Doubt[]
}

/** The names that are visible somewhere: those of blocks around it, from the inside out. */
export class Scope {
  readonly parent: Scope | null
  readonly functions = new Map<string, DeclaredFunction>()
  readonly variables: ReadonlySet<string>

  constructor(parent: Scope | null, variables: Iterable<string> = []) {
    this.parent = parent
    this.variables = new Set(variables)
  }

  hasVariable(name: string): boolean {
    return this.variables.has(name) || (this.parent?.hasVariable(name) ?? false)
  }

  functionNamed(name: string): DeclaredFunction | null {
    return this.functions.get(name) ?? this.parent?.functionNamed(name) ?? null
  }
}
