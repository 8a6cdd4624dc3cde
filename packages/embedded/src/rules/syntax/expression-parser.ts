import type { BinaryOperator, Expression, MapLiteral, PathPart } from './ast.ts'
import { bytesOf } from './lexer.ts'
import type { TokenStream } from './token-stream.ts'

/** Levels of operators and parentheses that production takes in one expression. The deepest is the 99th. */
const levelsMax = 98
/** Of everything that nests, so that no source can exhaust the stack. */
const nestingMax = 200

const tooComplex = 'Expression is too complex to evaluate safely.'

/** Binary operators from the loosest to the tightest, after the table of docs/rules/rules-language. */
const operatorRanks = [['||'], ['&&'], ['==', '!='], ['in', 'is'], ['<', '<=', '>', '>='], ['+', '-'], ['*', '/', '%']]
const precedence: ReadonlyMap<string, number> = new Map(
  operatorRanks.flatMap((operators, level) => operators.map((operator) => [operator, level + 1] as const)),
)

const int64 = (text: string): bigint | null => {
  const value = BigInt(text)
  return value <= 9_223_372_036_854_775_808n ? value : null
}

/** Reads expressions: operators by precedence, all of them from left to right but `? :`. */
export class ExpressionParser {
  readonly #tokens: TokenStream
  #nesting = 0
  /** Of nodes read: operators and parentheses on the longest way down, and nodes of any kind. */
  readonly #levels = new WeakMap<Expression, number>()
  readonly #heights = new WeakMap<Expression, number>()

  constructor(tokens: TokenStream) {
    this.#tokens = tokens
  }

  /** Throws SyntaxFault. */
  parse(): Expression {
    if (this.#nesting >= nestingMax) throw this.#tokens.fault(tooComplex)
    this.#nesting++
    try {
      return this.#ternary()
    } finally {
      this.#nesting--
    }
  }

  #built<T extends Expression>(node: T, level: number, children: readonly Expression[]): T {
    let levels = 0
    let height = 0
    for (const child of children) {
      levels = Math.max(levels, this.#levels.get(child) ?? 0)
      height = Math.max(height, this.#heights.get(child) ?? 0)
    }
    // What encloses nothing, an empty list say, puts nothing deeper.
    if (children.length > 0) levels += level
    if (levels > levelsMax || height >= nestingMax) throw this.#tokens.fault(tooComplex, node.position)
    this.#levels.set(node, levels)
    this.#heights.set(node, height + 1)
    return node
  }

  #ternary(): Expression {
    const tokens = this.#tokens
    const start = tokens.token.start
    const condition = this.#binary(1)
    if (!tokens.accept('?')) return condition
    const whenTrue = this.parse()
    tokens.expect(':')
    const whenFalse = this.parse()
    const node = { kind: 'ternary', position: tokens.span(start), condition, whenTrue, whenFalse } as const
    return this.#built(node, 0, [condition, whenTrue, whenFalse])
  }

  #binary(lowest: number): Expression {
    const tokens = this.#tokens
    const start = tokens.token.start
    let left = this.#unary()
    for (;;) {
      const operator = tokens.token.text
      const rank = tokens.token.kind === 'string' ? undefined : precedence.get(operator)
      if (rank === undefined || rank < lowest) return left
      const divides = operator === '/' && /\S/.test(tokens.lexer.source.charAt(tokens.token.end))
      // Production takes a slash with something right after it for a path's.
      if (divides) throw tokens.fault("Missing 'match' keyword before path.")
      tokens.take()
      if (operator === 'is') {
        const type = tokens.expectIdentifier().text
        left = this.#built({ kind: 'is', position: tokens.span(start), operand: left, type }, 1, [left])
        continue
      }
      const right = this.#binary(rank + 1)
      const position = tokens.span(start)
      left =
        operator === '&&' || operator === '||'
          ? this.#built({ kind: 'logical', position, operator, left, right }, 1, [left, right])
          : this.#built({ kind: 'binary', position, operator: operator as BinaryOperator, left, right }, 1, [
              left,
              right,
            ])
    }
  }

  #unary(): Expression {
    const tokens = this.#tokens
    const { text: operator, kind, start } = tokens.token
    if (kind !== 'punctuator' || (operator !== '!' && operator !== '-')) return this.#postfix()
    if (this.#nesting >= nestingMax) throw tokens.fault(tooComplex)
    tokens.take()
    const digits = tokens.token
    if (operator === '-' && digits.kind === 'int' && BigInt(digits.text) === 9_223_372_036_854_775_808n) {
      tokens.take()
      const value = -9_223_372_036_854_775_808n
      return this.#built({ kind: 'literal', position: tokens.span(start), value }, 0, [])
    }
    this.#nesting++
    try {
      const operand = this.#unary()
      return this.#built({ kind: 'unary', position: tokens.span(start), operator, operand }, 1, [operand])
    } finally {
      this.#nesting--
    }
  }

  #postfix(): Expression {
    const tokens = this.#tokens
    const start = tokens.token.start
    let object = this.#primary()
    for (;;) {
      if (tokens.accept('.')) {
        const name = tokens.expectIdentifier()
        const namePosition = tokens.lexer.position(name.start, name.end)
        if (tokens.is('(')) {
          const args = this.#arguments()
          const position = tokens.span(start)
          const node = { kind: 'call', position, receiver: object, name: name.text, namePosition, args } as const
          object = this.#built(node, 0, [object, ...args])
        } else {
          object = this.#built({ kind: 'member', position: tokens.span(start), object, name: name.text }, 0, [object])
        }
      } else if (tokens.accept('[')) {
        object = this.#brackets(start, object)
      } else {
        return object
      }
    }
  }

  #brackets(start: number, object: Expression): Expression {
    const tokens = this.#tokens
    const index = this.parse()
    if (tokens.accept(':')) {
      const to = this.parse()
      tokens.expect(']')
      return this.#built({ kind: 'slice', position: tokens.span(start), object, from: index, to }, 0, [
        object,
        index,
        to,
      ])
    }
    tokens.expect(']')
    return this.#built({ kind: 'index', position: tokens.span(start), object, index }, 0, [object, index])
  }

  #arguments(): Expression[] {
    this.#tokens.expect('(')
    return this.#list(')')
  }

  #list(close: string): Expression[] {
    const tokens = this.#tokens
    const items: Expression[] = []
    while (!tokens.is(close)) {
      items.push(this.parse())
      if (!tokens.accept(',')) break
    }
    tokens.expect(close)
    return items
  }

  #primary(): Expression {
    const tokens = this.#tokens
    const { token } = tokens
    const { start } = token
    switch (token.kind) {
      case 'string':
        tokens.take()
        return this.#built({ kind: 'literal', position: tokens.span(start), value: token.value }, 0, [])
      case 'bytes':
        tokens.take()
        return this.#built({ kind: 'literal', position: tokens.span(start), value: bytesOf(token.value) }, 0, [])
      case 'float':
        tokens.take()
        return this.#built({ kind: 'literal', position: tokens.span(start), value: Number(token.text) }, 0, [])
      case 'int': {
        const value = int64(token.text)
        if (value === null || value === 9_223_372_036_854_775_808n) {
          throw tokens.fault(`Integer literal out of range: '${token.text}'.`)
        }
        tokens.take()
        return this.#built({ kind: 'literal', position: tokens.span(start), value }, 0, [])
      }
      case 'identifier':
        return this.#word()
      case 'punctuator':
        return this.#bracketed()
      default:
        throw tokens.unexpected()
    }
  }

  #word(): Expression {
    const tokens = this.#tokens
    const { text: name, start } = tokens.take()
    const position = tokens.span(start)
    if (name === 'true' || name === 'false') {
      return this.#built({ kind: 'literal', position, value: name === 'true' }, 0, [])
    }
    if (name === 'null') return this.#built({ kind: 'literal', position, value: null }, 0, [])
    if (!tokens.is('(')) return this.#built({ kind: 'identifier', position, name }, 0, [])
    const args = this.#arguments()
    const node = {
      kind: 'call',
      position: tokens.span(start),
      receiver: null,
      name,
      namePosition: position,
      args,
    } as const
    return this.#built(node, 1, args)
  }

  #bracketed(): Expression {
    const tokens = this.#tokens
    const { start } = tokens.token
    if (tokens.is('/')) return this.#path()
    if (tokens.accept('(')) {
      const inner = this.parse()
      tokens.expect(')')
      // Parentheses are no node of their own, yet they count where production counts.
      const levels = (this.#levels.get(inner) ?? 0) + 1
      if (levels > levelsMax) throw tokens.fault(tooComplex, tokens.span(start))
      this.#levels.set(inner, levels)
      return inner
    }
    if (tokens.accept('[')) {
      const items = this.#list(']')
      return this.#built({ kind: 'list', position: tokens.span(start), items }, 1, items)
    }
    if (tokens.accept('{')) return this.#map(start)
    throw tokens.unexpected()
  }

  #map(start: number): MapLiteral {
    const tokens = this.#tokens
    const entries: MapLiteral['entries'][number][] = []
    while (!tokens.is('}')) {
      const key = this.parse()
      tokens.expect(':')
      entries.push({ key, value: this.parse() })
      if (!tokens.accept(',')) break
    }
    tokens.expect('}')
    const children = entries.flatMap(({ key, value }) => [key, value])
    return this.#built({ kind: 'map', position: tokens.span(start), entries }, 1, children)
  }

  #path(): Expression {
    const tokens = this.#tokens
    const { start } = tokens.token
    const lexer = tokens.raw()
    const parts: PathPart[] = []
    const children: Expression[] = []
    while (!lexer.atComment() && lexer.take('/')) {
      if (lexer.take('$(')) {
        tokens.resume()
        const value = this.parse()
        if (!tokens.is(')')) throw tokens.mismatch("')'")
        lexer.rewind(tokens.token.end)
        parts.push({ value })
        children.push(value)
        continue
      }
      const text = lexer.pathText()
      if (text === null) {
        tokens.resume()
        throw tokens.mismatch("{'$(', PATH_SEGMENT}")
      }
      parts.push({ text })
    }
    tokens.resume()
    tokens.lastEnd = Math.max(tokens.lastEnd, start)
    return this.#built({ kind: 'path', position: tokens.span(start), parts }, 0, children)
  }
}
