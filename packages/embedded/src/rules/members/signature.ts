import { describe, functionNotFound, unsupported, wrongCount, type Outcome } from '../values/failure.ts'
import { typeOf, type RulesValue, type TypeName } from '../values/value.ts'

/** A parameter's type. An int will do where a float is asked for. */
export type ParameterType = TypeName | 'any'

/** One way to call a function, and what it does. Its arguments have the types named. */
export interface Overload {
  readonly parameters: readonly ParameterType[]
  readonly apply: (...args: never[]) => Outcome
}

/** Functions by name, each with its overloads. */
export type FunctionTable = ReadonlyMap<string, readonly Overload[]>

export const overload = (parameters: readonly ParameterType[], apply: (...args: never[]) => Outcome): Overload => ({
  parameters,
  apply,
})

/** A table from a record of functions, each with one overload or several. */
export const functions = (record: Readonly<Record<string, Overload | readonly Overload[]>>): FunctionTable =>
  new Map(Object.entries(record).map(([name, value]) => [name, 'apply' in value ? [value] : value]))

const accepts = (parameter: ParameterType, argument: RulesValue): boolean =>
  parameter === 'any' || typeOf(argument) === parameter || (parameter === 'float' && typeof argument === 'bigint')

/**
 * Calls the overload that fits. `title` is the function's name in messages (`list.hasAny`), `receiver` what a method is
 * called on, which the function gets as its first argument.
 */
export const callOverload = (
  table: FunctionTable,
  title: string,
  name: string,
  receiver: readonly RulesValue[],
  args: readonly RulesValue[],
): Outcome => {
  const overloads = table.get(name)
  if (!overloads) return functionNotFound(receiver.length > 0 ? name : title)
  for (const { parameters, apply } of overloads) {
    if (parameters.length !== args.length) continue
    if (!parameters.every((parameter, i) => accepts(parameter, args[i] as RulesValue))) continue
    const given = args.map((value, i) => (parameters[i] === 'float' ? Number(value) : value))
    return (apply as (...values: readonly RulesValue[]) => Outcome)(...receiver, ...given)
  }
  const expected = overloads.map(({ parameters }) => `${title}(${parameters.join(', ')})`).join(', ')
  if (overloads.every(({ parameters }) => parameters.length !== args.length)) return wrongCount(args.length, expected)
  return unsupported(`${title}(${args.map(describe).join(', ')})`, expected)
}
