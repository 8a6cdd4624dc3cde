import { compileRules, type Compilation, type Issue, type Ruleset, type RulesValue } from '../../rules/index.ts'

const CLOSED = "rules_version = '2'; service cloud.firestore {}"

/** The security rules in force, by project. A project for which none were ever given is open to everyone. */
export class Rulesets {
  /** Gets what `debug(..)` in rules is called with. */
  debug: (value: RulesValue) => void = () => {}
  #common: Ruleset | null = null
  readonly #ofProject = new Map<string, Ruleset>()

  of(project: string): Ruleset | null {
    return this.#ofProject.get(project) ?? this.#common
  }

  /** Puts rules in force for a project, unless they have errors: then what was in force stays so. */
  load(project: string, source: string): readonly Issue[] {
    const { ruleset, issues } = this.#compile(source)
    if (ruleset) this.#ofProject.set(project, ruleset)
    return issues
  }

  /** Puts rules in force for every project that gets none of its own. Rules with errors let nobody in. */
  loadForAll(source: string): readonly Issue[] {
    const { ruleset, issues } = this.#compile(source)
    this.#common = ruleset ?? compileRules(CLOSED).ruleset
    return issues
  }

  #compile(source: string): Compilation {
    return compileRules(source, { coverage: true, debug: (value) => this.debug(value) })
  }
}
