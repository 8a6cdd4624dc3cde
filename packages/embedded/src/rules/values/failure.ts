import type { Position } from '../syntax/issue.ts'
import { Symbolic, typeOf, type RulesValue } from './value.ts'

/** An expression that has no value, and why. `||` and `&&` can do without it, nothing else can. */
export class Failure {
  readonly message: string
  /** Of the innermost expression that failed; null until the evaluator fills it in. */
  readonly position: Position | null
  constructor(message: string, position: Position | null = null) {
    this.message = message
    this.position = position
  }
}

export type Outcome = RulesValue | Failure

/** Instead of what depends on a document, while none is read. */
export const unread = new Failure('Document is not read yet.')

// The wording is production's.

export const nullValue = new Failure('Null value error.')
export const unbound = new Failure('Variable is not bound in path template.')
export const divideByZero = new Failure('Divide by zero error.')
export const undefinedProperty = (name: string): Failure => new Failure(`Property ${name} is undefined on object.`)
export const functionNotFound = (name: string): Failure => new Failure(`Function not found error: Name: [${name}].`)
export const outOfBound = (index: bigint, size: number): Failure =>
  new Failure(`Index out of bound error. Index: [${index}] , size: [${size}].`)
export const typeError = (received: RulesValue, expected: string): Failure =>
  new Failure(`Type error. Received: [${describe(received)}] Expected: [${expected}].`)
export const unsupported = (received: string, expected?: string): Failure =>
  new Failure(`Unsupported operation error. Received: ${received}.${expected ? ` Expected: ${expected}.` : ''}`)
export const wrongCount = (received: number, expected: string): Failure =>
  new Failure(`Incorrect number of arguments. Received: ${received}. Expected: ${expected}.`)
export const conversion = (text: string, to: string): Failure =>
  new Failure(`Type conversion error. Argument: [${text}], From type: [string], To type: [${to}].`)

/** What to say where a symbolic value had to be known. */
export const unknown = (...values: readonly RulesValue[]): Failure => {
  for (const value of values) if (value instanceof Symbolic) return new Failure(value.message)
  return nullValue
}

/** The name of a value's type, as messages have it. */
export const describe = (value: RulesValue): string => typeOf(value) ?? 'unknown'
