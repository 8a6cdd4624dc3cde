import { compileRules, type Issue, type Ruleset } from '../../rules/index.ts'

const CLOSED = "rules_version = '2'; service cloud.firestore {}"

/** The security rules in force, by project. A project for which none were ever given is open to everyone. */
export class Rulesets {
  #common: Ruleset | null = null
  readonly #ofProject = new Map<string, Ruleset>()

  of(project: string): Ruleset | null {
    return this.#ofProject.get(project) ?? this.#common
  }

  /** Puts rules in force for a project, unless they have errors: then what was in force stays so. */
  load(project: string, source: string): readonly Issue[] {
    const { ruleset, issues } = compileRules(source, { coverage: true })
    if (ruleset) this.#ofProject.set(project, ruleset)
    return issues
  }

  /** Puts rules in force for every project that gets none of its own. Rules with errors let nobody in. */
  loadForAll(source: string): readonly Issue[] {
    const { ruleset, issues } = compileRules(source, { coverage: true })
    this.#common = ruleset ?? compileRules(CLOSED).ruleset
    return issues
  }
}
