import type { Evaluation } from '../evaluate/evaluation.ts'
import { isOpen } from '../values/equality.ts'
import { functionNotFound, unknown, type Outcome } from '../values/failure.ts'
import { Path, type RulesValue } from '../values/value.ts'
import { floatOf, intOf, stringOf, truncate } from './conversions.ts'
import { callOverload, functions, overload } from './signature.ts'

// The reference also lists bool, which production does not have.
const conversions = functions({
  int: [
    overload(['int'], (value: bigint) => value),
    overload(['float'], (value: number) => truncate(value)),
    overload(['string'], intOf),
  ],
  float: [overload(['float'], (value: number) => value), overload(['string'], floatOf)],
  string: (['int', 'float', 'null', 'string', 'bool', 'path'] as const).map((type) => overload([type], stringOf)),
  path: overload(['string'], (text: string) => new Path(text.split('/').filter((segment) => segment !== ''))),
})

/** In Firestore: what they give of a document, and when. */
const documentFunctions = new Map<string, readonly ['get' | 'exists', 'before' | 'after']>([
  ['get', ['get', 'before']],
  ['exists', ['exists', 'before']],
  ['getAfter', ['get', 'after']],
  ['existsAfter', ['exists', 'after']],
])

/** Whether rules of Firestore have a function of this name. */
export const isGlobal = (name: string): boolean =>
  conversions.has(name) || documentFunctions.has(name) || name === 'debug'

/** A function called by a name that the rules do not declare. */
export const callGlobal = (evaluation: Evaluation, name: string, args: readonly RulesValue[]): Outcome => {
  if (name === 'debug' && args.length === 1) {
    const [value] = args as [RulesValue]
    evaluation.debug(value)
    return value
  }
  const { documents } = evaluation
  const reading = documents.service === 'cloud.firestore' ? documentFunctions.get(name) : undefined
  if (!reading && !conversions.has(name)) return functionNotFound(name)
  if (args.some(isOpen)) return unknown(...args)
  return reading ? documents.call(name, ...reading, args) : callOverload(conversions, name, name, [], args)
}
