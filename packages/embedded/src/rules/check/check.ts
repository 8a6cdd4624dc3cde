import type { MatchBlock, RulesFile, ServiceBlock } from '../syntax/ast.ts'
import type { Issue } from '../syntax/issue.ts'
import { checkCallDepth, checkFunction, declareFunctions } from './functions.ts'
import { error, noteNames, warning } from './names.ts'
import { Scope, type DeclaredFunction, type Doubt } from './scope.ts'

const services = new Set(['cloud.firestore', 'firebase.storage'])

// docs/firestore/security/rules-structure, limits. Of nested matches production takes one more than it says.
const nestedMatchesMax = 11
const segmentsMax = 100
const capturesMax = 20
/** Ours: more of them could match a long path in too many ways. */
const recursiveMax = 3

/** What stands around a match block. */
interface Surroundings {
  readonly scope: Scope
  readonly matches: number
  readonly segments: number
  readonly captures: number
  readonly recursive: number
}

/** Checks a file that could be parsed; the issues come in the order of the source. */
export const checkRules = (file: RulesFile): readonly Issue[] => new Checker(file).issues()

class Checker {
  readonly #file: RulesFile
  readonly #issues: Issue[] = []
  readonly #functions: DeclaredFunction[] = []
  /** What allow conditions call. */
  readonly #roots = new Set<DeclaredFunction>()
  readonly #doubts: Doubt[] = []

  constructor(file: RulesFile) {
    this.#file = file
  }

  issues(): readonly Issue[] {
    const { version, functions, services: blocks } = this.#file
    if (version === '1') {
      const message = 'Ruleset uses old version (version [1]). Please update to the latest version (version [2]).'
      this.#issues.push(warning(message, null))
    }
    const scope = new Scope(null)
    this.#declare(functions, scope)
    for (const block of blocks) this.#checkService(block, scope)
    for (const one of this.#functions) checkFunction(one, this.#issues)
    this.#checkUse()
    checkCallDepth(this.#functions, this.#issues)
    return this.#issues.toSorted((a, b) => (a.position?.offset ?? -1) - (b.position?.offset ?? -1))
  }

  #declare(functions: RulesFile['functions'], scope: Scope): void {
    declareFunctions(functions, scope, this.#issues)
    this.#functions.push(...scope.functions.values())
  }

  #checkService(block: ServiceBlock, outer: Scope): void {
    if (!services.has(block.name)) this.#issues.push(error(`Invalid service name: ${block.name}.`, block.namePosition))
    const scope = new Scope(outer)
    this.#declare(block.functions, scope)
    const surroundings = { scope, matches: 0, segments: 0, captures: 0, recursive: 0 }
    for (const match of block.matches) this.#checkMatch(match, surroundings)
  }

  #checkMatch(block: MatchBlock, outer: Surroundings): void {
    const captures = block.segments.filter((segment) => segment.kind !== 'literal')
    const recursive = captures.filter((segment) => segment.kind === 'recursive')
    const scope = new Scope(
      outer.scope,
      captures.map(({ name }) => name),
    )
    const inner: Surroundings = {
      scope,
      matches: outer.matches + 1,
      segments: outer.segments + block.segments.length,
      captures: outer.captures + captures.length,
      recursive: outer.recursive + recursive.length,
    }
    this.#checkLimits(block, outer, inner)
    this.#declare(block.functions, scope)
    for (const { condition, unknownMethods } of block.allows) {
      for (const { name, position } of unknownMethods)
        this.#issues.push(warning(`Invalid method name: ${name}.`, position))
      if (condition) noteNames(condition, scope, { variables: new Set(), calls: this.#roots, doubts: this.#doubts })
    }
    for (const match of block.matches) this.#checkMatch(match, inner)
  }

  #checkLimits({ position, segments }: MatchBlock, outer: Surroundings, inner: Surroundings): void {
    const refuse = (description: string): void => {
      this.#issues.push(error(description, position))
    }
    // Told where a limit is first passed, not again for all that is inside.
    const passes = (limit: number, of: 'matches' | 'segments' | 'captures' | 'recursive'): boolean =>
      inner[of] > limit && outer[of] <= limit
    if (passes(nestedMatchesMax, 'matches')) refuse(`More than ${nestedMatchesMax} nested match statements.`)
    if (passes(segmentsMax, 'segments')) refuse(`Match path has more than ${segmentsMax} segments.`)
    if (passes(capturesMax, 'captures')) refuse(`Match path has more than ${capturesMax} captures.`)
    if (passes(recursiveMax, 'recursive')) refuse(`Match path has more than ${recursiveMax} recursive wildcards.`)
    const recursive = segments.filter((segment) => segment.kind === 'recursive').length
    if (recursive > 1) refuse('Match path has more than one recursive wildcard.')
    else if (this.#file.version === '1' && recursive > 0 && segments.at(-1)?.kind !== 'recursive') {
      refuse('Recursive wildcards must be the last of a path in rules version 1.')
    }
    if (this.#file.version === '1' && outer.recursive > 0) {
      this.#issues.push(warning('Glob(**) resource rules should not have child resource rules.', position))
    }
  }

  /** Warns of functions nobody calls, and of the service's names in functions that no rule reaches. */
  #checkUse(): void {
    const reached = new Set(this.#roots)
    // A set grows while it is gone through, and what is added comes up as well.
    for (const one of reached) for (const callee of one.calls) reached.add(callee)
    const called = new Set([...this.#roots, ...this.#functions.flatMap((one) => [...one.calls])])
    for (const one of this.#functions) {
      const { name, namePosition } = one.declaration
      if (!called.has(one)) this.#issues.push(warning(`Unused function: ${name}.`, namePosition))
      for (const { issue, global } of one.doubts) if (!global || !reached.has(one)) this.#issues.push(issue)
    }
    for (const { issue, global } of this.#doubts) if (!global) this.#issues.push(issue)
  }
}
