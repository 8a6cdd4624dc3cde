import { invalidArgument } from './errors.ts'
import { FILTER_BYTES_MAX } from './limits.ts'

type Attributes = Record<string, string>
/** Tells whether a message with these attributes is delivered. */
export type Filter = (attributes: Attributes) => boolean

const valueOf = (attributes: Attributes, key: string): string | undefined =>
  Object.hasOwn(attributes, key) ? attributes[key] : undefined

// A name holds letters, digits, underscores and hyphens; keys with anything else are quoted.
const TOKEN = /\s*(?:("(?:[^"\\]|\\.)*")|(\w[\w-]*)|(!=|[=:().,-]))/sy

const tokenize = (source: string): string[] => {
  const tokens: string[] = []
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < source.trimEnd().length) {
    const at = TOKEN.lastIndex
    const match = TOKEN.exec(source)
    if (!match) throw new SyntaxError(`unexpected text at position ${at}`)
    tokens.push(match[0].trimStart())
  }
  return tokens
}

const ESCAPE = /\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|x([0-9A-Fa-f]{2})|([0-7]{3})|(.))/gs
const NAMED_ESCAPES: Record<string, string> = { a: '\u0007', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' }

/** The text of a literal: quotes, backslashes, Unicode, hexadecimal and octal numbers may be escaped. */
const unquote = (token: string): string =>
  token.slice(1, -1).replace(ESCAPE, (escape, u4?: string, u8?: string, hex?: string, octal?: string, other = '') => {
    const number = u4 ?? u8 ?? hex
    const code = number === undefined ? Number.parseInt(octal ?? '', 8) : Number.parseInt(number, 16)
    if (Number.isNaN(code)) {
      if (/[uUx0-9]/.test(other as string)) throw new SyntaxError(`"${escape}" is not an escape`)
      return NAMED_ESCAPES[other as string] ?? (other as string)
    }
    if (code > 0x10ffff) throw new SyntaxError(`"${escape}" is not a character`)
    return String.fromCodePoint(code)
  })

/**
 * Recursive descent over the grammar of https://cloud.google.com/pubsub/docs/subscription-message-filter:
 * `attributes:key`, `attributes.key = "v"`, `!=`, `hasPrefix(attributes.key, "v")`, `NOT`, `AND`, `OR`, parentheses.
 */
class Parser {
  readonly #tokens: string[]
  #at = 0

  constructor(tokens: string[]) {
    this.#tokens = tokens
  }

  parse(): Filter {
    const filter = this.#expression()
    if (this.#at < this.#tokens.length) throw new SyntaxError(`unexpected "${this.#tokens[this.#at]}"`)
    return filter
  }

  #expression(): Filter {
    const terms = [this.#term()]
    const operator = this.#tokens[this.#at]
    if (operator !== 'AND' && operator !== 'OR') return terms[0] as Filter
    while (this.#accept(operator)) terms.push(this.#term())
    const other = operator === 'AND' ? 'OR' : 'AND'
    if (this.#tokens[this.#at] === other) throw new SyntaxError('AND and OR need parentheses between them')
    return operator === 'AND'
      ? (attributes) => terms.every((term) => term(attributes))
      : (attributes) => terms.some((term) => term(attributes))
  }

  #term(): Filter {
    if (this.#accept('NOT') || this.#accept('-')) {
      const negated = this.#term()
      return (attributes) => !negated(attributes)
    }
    if (this.#accept('(')) {
      const inner = this.#expression()
      this.#expect(')')
      return inner
    }
    if (this.#accept('hasPrefix')) {
      this.#expect('(')
      this.#expect('attributes')
      this.#expect('.')
      const key = this.#key()
      this.#expect(',')
      const prefix = this.#text()
      this.#expect(')')
      return (attributes) => valueOf(attributes, key)?.startsWith(prefix) ?? false
    }
    this.#expect('attributes')
    if (this.#accept(':')) {
      const key = this.#key()
      return (attributes) => Object.hasOwn(attributes, key)
    }
    this.#expect('.')
    const key = this.#key()
    if (this.#accept('=')) {
      const value = this.#text()
      return (attributes) => valueOf(attributes, key) === value
    }
    this.#expect('!=')
    const value = this.#text()
    return (attributes) => valueOf(attributes, key) !== value
  }

  #key(): string {
    const token = this.#next('an attribute key')
    if (token.startsWith('"')) return unquote(token)
    if (!/^\w/.test(token)) throw new SyntaxError(`expected an attribute key, found "${token}"`)
    return token
  }

  #text(): string {
    const token = this.#next('a quoted value')
    if (!token.startsWith('"')) throw new SyntaxError(`expected a quoted value, found "${token}"`)
    return unquote(token)
  }

  #next(wanted: string): string {
    const token = this.#tokens[this.#at++]
    if (token === undefined) throw new SyntaxError(`expected ${wanted} at the end`)
    return token
  }

  #accept(token: string): boolean {
    if (this.#tokens[this.#at] !== token) return false
    this.#at++
    return true
  }

  #expect(token: string): void {
    const found = this.#next(`"${token}"`)
    if (found !== token) throw new SyntaxError(`expected "${token}", found "${found}"`)
  }
}

/** Compiles a subscription filter; an empty one passes everything. Throws INVALID_ARGUMENT when it does not parse. */
export const parseFilter = (source: string): Filter | undefined => {
  if (source === '') return undefined
  if (Buffer.byteLength(source) > FILTER_BYTES_MAX) {
    throw invalidArgument(`The filter is too long: ${Buffer.byteLength(source)} bytes, at most ${FILTER_BYTES_MAX}.`)
  }
  try {
    return new Parser(tokenize(source)).parse()
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw invalidArgument(`Invalid filter (filter=${source}): ${error.message}.`)
  }
}
