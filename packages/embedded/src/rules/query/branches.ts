import type { Constraint, ConstraintField, ConstraintOperator } from '../request.ts'
import { isList, type RulesValue } from '../values/value.ts'

/** One thing that a document fulfils, of one field. */
export interface Term {
  readonly field: ConstraintField
  readonly operator: Exclude<ConstraintOperator, 'in' | 'array-contains-any'>
  readonly value: RulesValue
}

/** Terms all of which a document fulfils. */
export type Branch = readonly Term[]

/** Production takes 30 disjuncts. */
const branchesMax = 100

/**
 * The constraint as alternatives, one of which every result fulfils: `or`, `in` and `array-contains-any` are taken
 * apart. Where that would make too many, a part is left out, which says less of the results and so is safe.
 */
export const branchesOf = (constraint: Constraint | null): readonly Branch[] => {
  const branches = constraint ? alternatives(constraint) : [[]]
  // Alternatives of an empty list match nothing; a query is decided as if they were not there.
  return branches.length === 0 ? [[]] : branches
}

const alternatives = (constraint: Constraint): readonly Branch[] => {
  if (constraint.kind === 'field') return fieldAlternatives(constraint)
  const parts = constraint.constraints.map(alternatives)
  if (constraint.kind === 'or') {
    const all = parts.flat()
    return all.length > branchesMax || all.length === 0 ? [[]] : all
  }
  let product: readonly Branch[] = [[]]
  for (const part of parts) {
    if (product.length * part.length > branchesMax) continue
    product = product.flatMap((branch) => part.map((other) => [...branch, ...other]))
  }
  return product
}

const fieldAlternatives = (constraint: Extract<Constraint, { kind: 'field' }>): readonly Branch[] => {
  const { field, operator, value } = constraint
  if (operator !== 'in' && operator !== 'array-contains-any') return [[{ field, operator, value }]]
  const each = operator === 'in' ? '==' : 'array-contains'
  const values = isList(value) ? value : []
  return values.length > branchesMax || values.length === 0
    ? [[]]
    : values.map((one) => [{ field, operator: each, value: one }])
}
