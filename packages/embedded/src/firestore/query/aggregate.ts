import { Code, StatusError } from '../../wire/status-error.ts'
import { NAME_FIELD, getField, type FieldPath } from '../field-path.ts'
import { isReserved } from '../names.ts'
import type * as messages from '../rpc/messages.ts'
import type { Value } from '../values/value.ts'
import { parseField } from './parse-filter.ts'
import type { Row } from './run.ts'

export type Aggregation =
  | { readonly alias: string; readonly operator: 'count'; readonly upTo: number }
  | { readonly alias: string; readonly operator: 'sum' | 'avg'; readonly field: FieldPath }

const MAX_AGGREGATIONS = 5
const INT64_MIN = -(2n ** 63n)
const INT64_MAX = 2n ** 63n - 1n

const invalid = (message: string) => new StatusError(Code.INVALID_ARGUMENT, message)

const parseAggregation = (message: messages.Aggregation, alias: string): Aggregation => {
  if (isReserved(alias)) throw invalid(`The property.name "${alias}" is reserved.`)
  if (message.operator === undefined) throw invalid('Operator field in Aggregation is not set.')
  if (message.operator === 'count') {
    const upTo = message.count?.upTo ? Number(message.count.upTo.value) : Infinity
    if (upTo < 0) {
      throw invalid('The `up_to` value in a COUNT aggregation must be greater than or equal to zero.')
    }
    return { alias, operator: 'count', upTo }
  }
  const field = parseField(message[message.operator]?.field)
  if (field === NAME_FIELD) throw invalid('Aggregations are not supported for the property: __key__')
  return { alias, operator: message.operator, field }
}

/** Checks the aggregations of a query; those without an alias become `field_1`, `field_2`, ... Throws INVALID_ARGUMENT. */
export const parseAggregations = (aggregations: readonly messages.Aggregation[]): Aggregation[] => {
  if (aggregations.length === 0) throw invalid('Aggregations can not be empty.')
  if (aggregations.length > MAX_AGGREGATIONS) {
    throw invalid(
      `The maximum number of aggregations allowed in an aggregation query is ${MAX_AGGREGATIONS}. ` +
        `Received: ${aggregations.length}`,
    )
  }
  let unnamed = 0
  const named = aggregations.map((message) => ({ message, alias: message.alias || `field_${++unnamed}` }))
  const seen = new Set<string>()
  for (const { alias } of named) {
    if (seen.has(alias)) throw invalid(`Aggregation aliases contain duplicate alias: ${alias}.`)
    seen.add(alias)
  }
  return named.map(({ message, alias }) => parseAggregation(message, alias))
}

/** The sum of int64 and double values, each exactly as production has it: int64 unless a double or an overflow forbids. */
class Sum {
  count = 0
  #integers = 0n
  #doubles = 0
  #onlyIntegers = true

  add(value: Value | undefined): void {
    if (typeof value === 'bigint') this.#integers += value
    else if (typeof value === 'number') {
      this.#doubles += value
      this.#onlyIntegers = false
    } else return
    this.count++
  }

  get total(): bigint | number {
    if (this.#onlyIntegers && this.#integers >= INT64_MIN && this.#integers <= INT64_MAX) return this.#integers
    return Number(this.#integers) + this.#doubles
  }
}

const valueOf = (aggregation: Aggregation, rows: readonly Row[]): Value => {
  if (aggregation.operator === 'count') return BigInt(Math.min(rows.length, aggregation.upTo))
  const sum = new Sum()
  for (const { version } of rows) sum.add(getField(version.fields, aggregation.field))
  if (aggregation.operator === 'sum') return sum.total
  return sum.count === 0 ? null : Number(sum.total) / sum.count
}

/** The fields that must be there for a document to count at all, for any of the aggregations. */
export const aggregatedFields = (aggregations: readonly Aggregation[]): FieldPath[] =>
  aggregations.flatMap((aggregation) => (aggregation.operator === 'count' ? [] : [aggregation.field]))

/** The results by alias. */
export const aggregate = (aggregations: readonly Aggregation[], rows: readonly Row[]): Record<string, Value> =>
  Object.fromEntries(aggregations.map((aggregation) => [aggregation.alias, valueOf(aggregation, rows)]))
