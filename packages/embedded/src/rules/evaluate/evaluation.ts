import { callMethod } from '../members/methods.ts'
import { callSymbolic } from '../members/symbolic.ts'
import { callNamespace, isNamespace } from '../members/namespaces.ts'
import { callGlobal } from '../members/globals.ts'
import type { Coverage } from '../coverage.ts'
import type { Call, Expression, PathLiteral, Ternary } from '../syntax/ast.ts'
import type { Position } from '../syntax/issue.ts'
import { isOpen } from '../values/equality.ts'
import { testType } from '../values/type-test.ts'
import {
  Failure,
  describe,
  functionNotFound,
  nullValue,
  typeError,
  unknown,
  unsupported,
  wrongCount,
  type Outcome,
} from '../values/failure.ts'
import { Path, Symbolic, type RulesValue } from '../values/value.ts'
import { element, member, slice } from './access.ts'
import type { DocumentReader } from './document-reader.ts'
import { Frame } from './frame.ts'
import { binary, negate } from './operators.ts'
import { bounded } from './size.ts'

export const expressionsMax = 1000
export const callDepthMax = 20

/** Thrown where a request has used up its expressions: nothing allows it any more. */
export class LimitReached extends Error {}

const limitReached = (): LimitReached =>
  new LimitReached(
    `Unable to evaluate the expression as the maximum of ${expressionsMax} expressions to evaluate has been reached.`,
  )

/**
 * Evaluates the expressions of one request. A failed operand does not stop what surrounds it: the others are evaluated
 * and counted as well. What counts how much was measured in production: a node 1, its path's literal segments 1 each,
 * `is` 2, `&&` and `||` 1 more where the right side is needed, a ternary 2 (4 if false), a `let` 1.
 */
export class Evaluation {
  expressions = 0
  #nodes = 0
  #calls = 0
  readonly documents: DocumentReader
  readonly coverage: Coverage | null
  readonly debug: (value: RulesValue) => void
  /** Whether a query is decided, so that values may be unknown. */
  readonly #symbolic: boolean

  constructor(
    documents: DocumentReader,
    coverage: Coverage | null,
    debug: (value: RulesValue) => void,
    symbolic: boolean,
  ) {
    this.#symbolic = symbolic
    this.documents = documents
    this.coverage = coverage
    this.debug = debug
  }

  #charge(expressions = 1): void {
    this.expressions += expressions
    if (this.expressions > expressionsMax) throw limitReached()
  }

  /** Throws LimitReached, and what the request's lookup throws. */
  evaluate(node: Expression, frame: Frame): Outcome {
    // Every node on the way down will be charged, so that deep ones need not be entered.
    if (++this.#nodes > expressionsMax) throw limitReached()
    let outcome = this.#compute(node, frame)
    this.#nodes--
    this.#charge()
    if (outcome instanceof Failure && outcome.position === null) outcome = new Failure(outcome.message, node.position)
    this.coverage?.record(node, outcome)
    return outcome
  }

  #compute(node: Expression, frame: Frame): Outcome {
    switch (node.kind) {
      case 'literal':
        return node.value
      case 'identifier':
        return this.#named(node.name, frame)
      case 'member': {
        const object = this.evaluate(node.object, frame)
        return object instanceof Failure ? object : member(object, node.name)
      }
      case 'index': {
        const object = this.evaluate(node.object, frame)
        const index = this.evaluate(node.index, frame)
        if (object instanceof Failure) return object
        return index instanceof Failure ? index : element(object, index)
      }
      case 'slice': {
        const object = this.evaluate(node.object, frame)
        const from = this.evaluate(node.from, frame)
        const to = this.evaluate(node.to, frame)
        if (object instanceof Failure) return object
        if (from instanceof Failure) return from
        return to instanceof Failure ? to : slice(object, from, to)
      }
      case 'logical':
        return this.#logical(node.operator === '||', node.left, node.right, frame)
      case 'ternary':
        return this.#ternary(node, frame)
      case 'unary': {
        const value = this.evaluate(node.operand, frame)
        if (value instanceof Failure) return value
        if (node.operator === '-') return negate(value)
        return typeof value === 'boolean' ? !value : notBoolean(value)
      }
      case 'binary':
        return bounded(this.#binary(node, frame))
      case 'is': {
        const value = this.evaluate(node.operand, frame)
        this.#charge()
        return value instanceof Failure ? value : testType(node.type, value)
      }
      case 'list':
        return bounded(this.#all(node.items, frame))
      case 'map':
        return bounded(this.#map(node.entries, frame))
      case 'path':
        return this.#path(node, frame)
      case 'call':
        return bounded(this.#call(node, frame))
    }
  }

  /** A name that is bound nowhere has no value, not even one that equals null. */
  #named(name: string, frame: Frame): Outcome {
    const bound = frame.lookup(name)
    return bound === undefined ? nullValue : bound
  }

  #binary(node: Extract<Expression, { kind: 'binary' }>, frame: Frame): Outcome {
    // Of `in`, production evaluates the container first, whose failure comes first as well.
    const containerFirst = node.operator === 'in'
    const first = this.evaluate(containerFirst ? node.right : node.left, frame)
    const second = this.evaluate(containerFirst ? node.left : node.right, frame)
    if (first instanceof Failure) return first
    if (second instanceof Failure) return second
    return containerFirst ? binary('in', second, first) : binary(node.operator, first, second)
  }

  /** `&&`, `||`: the value that decides does so whatever the other side is, a failure included. */
  #logical(deciding: boolean, leftNode: Expression, rightNode: Expression, frame: Frame): Outcome {
    const left = this.evaluate(leftNode, frame)
    if (left === deciding) return deciding
    this.#charge()
    const right = this.evaluate(rightNode, frame)
    if (right === deciding) return deciding
    if (left instanceof Failure) return left
    if (typeof left !== 'boolean') return notBoolean(left, leftNode.position)
    if (right instanceof Failure) return right
    return typeof right === 'boolean' ? right : notBoolean(right, rightNode.position)
  }

  #ternary(node: Ternary, frame: Frame): Outcome {
    this.#charge()
    const condition = this.evaluate(node.condition, frame)
    if (condition instanceof Failure) return condition
    if (condition === true) return this.evaluate(node.whenTrue, frame)
    if (condition !== false) return notBoolean(condition, node.condition.position)
    this.#charge(2)
    return this.evaluate(node.whenFalse, frame)
  }

  /** All values, or the first failure after all were evaluated. */
  #all(nodes: readonly Expression[], frame: Frame): RulesValue[] | Failure {
    const values: RulesValue[] = []
    let failure: Failure | null = null
    for (const node of nodes) {
      const value = this.evaluate(node, frame)
      if (value instanceof Failure) failure ??= value
      else values.push(value)
    }
    return failure ?? values
  }

  #map(entries: Extract<Expression, { kind: 'map' }>['entries'], frame: Frame): Outcome {
    const keys = entries.map(({ key }) => key)
    const values = this.#all([...keys, ...entries.map(({ value }) => value)], frame)
    if (values instanceof Failure) return values
    const map = new Map<string, RulesValue>()
    for (const [i, key] of values.slice(0, keys.length).entries()) {
      if (key instanceof Symbolic) return unknown(key)
      if (typeof key !== 'string') return typeError(key, 'string')
      map.set(key, values[keys.length + i] as RulesValue)
    }
    return map
  }

  #path(node: PathLiteral, frame: Frame): Outcome {
    const segments: string[] = []
    let failure: Failure | null = null
    for (const part of node.parts) {
      if ('text' in part) {
        this.#charge()
        segments.push(part.text)
        continue
      }
      const value = this.evaluate(part.value, frame)
      if (value instanceof Failure) failure ??= value
      else if (value instanceof Path) segments.push(...value.segments)
      else if (typeof value === 'string') segments.push(value)
      else if (typeof value === 'bigint') segments.push(String(value))
      else
        failure ??=
          value === null || value instanceof Symbolic ? unknown(value) : unsupported(`path(${describe(value)})`)
    }
    return failure ?? new Path(segments)
  }

  #call(node: Call, frame: Frame): Outcome {
    const { receiver, name } = node
    if (receiver) {
      if (receiver.kind === 'identifier' && isNamespace(receiver.name) && frame.lookup(receiver.name) === undefined) {
        const args = this.#all(node.args, frame)
        if (args instanceof Failure) return args
        this.#charge()
        return callNamespace(this, receiver.name, name, args)
      }
      const object = this.evaluate(receiver, frame)
      const args = this.#all(node.args, frame)
      if (object instanceof Failure) return object
      if (args instanceof Failure) return args
      return this.#symbolic && [object, ...args].some(isOpen)
        ? callSymbolic(object, name, args)
        : callMethod(object, name, args)
    }
    const found = frame.functionNamed(name)
    if (!found) {
      const args = this.#all(node.args, frame)
      return args instanceof Failure ? args : callGlobal(this, name, args)
    }
    return this.#callDeclared(node, found, frame)
  }

  #callDeclared(node: Call, found: NonNullable<ReturnType<Frame['functionNamed']>>, frame: Frame): Outcome {
    const { declaration, home } = found
    const { parameters, lets, result } = declaration
    if (node.args.length !== parameters.length) {
      const names = parameters.map((parameter) => parameter.name)
      return wrongCount(node.args.length, `${declaration.name}(${names.join(', ')})`)
    }
    const inner = new Frame(home)
    for (const [i, argument] of node.args.entries()) {
      inner.bind((parameters[i] as { name: string }).name, this.evaluate(argument, frame))
    }
    if (this.#calls > callDepthMax) return functionNotFound(node.name)
    this.#calls++
    for (const { name, value } of lets) {
      inner.bind(name, this.evaluate(value, inner))
      this.#charge()
    }
    const outcome = this.evaluate(result, inner)
    this.#calls--
    return outcome
  }
}

const notBoolean = (value: RulesValue, position: Position | null = null): Failure => {
  const { message } = value === null || value instanceof Symbolic ? unknown(value) : typeError(value, 'bool')
  return new Failure(message, position)
}
