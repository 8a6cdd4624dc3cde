/**
 * The Firebase Security Rules language: a source is compiled once, and the ruleset decides requests, synchronously and
 * without I/O of its own.
 *
 * ```ts
 * const { ruleset, issues } = compileRules(source)
 * const decision = ruleset?.decide({ service, method, path, auth, time, resource, requestResource, query, lookup })
 * if (!decision?.allowed) throw denied(formatDenial([decision]))
 * ```
 *
 * Values are `RulesValue`; whoever owns documents converts them (`resourceOf` makes a `resource` of a document's data).
 * Source: firebase.google.com/docs/reference/rules and docs/rules/rules-language.
 */
export { compileRules, type Compilation } from './compile.ts'
export type { Ruleset, RulesetOptions } from './ruleset.ts'
export type { ExpressionReport, SeenValue } from './coverage.ts'
export { Failure } from './values/failure.ts'
export { formatDenial, type Decision, type Reason } from './decision.ts'
export { formatIssue, type Issue, type Position, type Severity } from './syntax/issue.ts'
export type { Method } from './syntax/ast.ts'
export {
  DocumentAccesses,
  type Constraint,
  type ConstraintField,
  type ConstraintOperator,
  type ListQuery,
  type Lookup,
  type RulesRequest,
  type Service,
} from './request.ts'
export { resourceOf } from './query/symbolic-document.ts'
export {
  Duration,
  LatLng,
  MapDiff,
  Path,
  RulesSet,
  Timestamp,
  typeOf,
  type RulesMap,
  type RulesValue,
  type TypeName,
} from './values/value.ts'
