import type {
  AllowStatement,
  FunctionDeclaration,
  LetBinding,
  MatchBlock,
  MatchSegment,
  Method,
  Parameter,
  RulesFile,
  ServiceBlock,
} from './ast.ts'
import { ExpressionParser } from './expression-parser.ts'
import type { Issue } from './issue.ts'
import { SyntaxFault, TokenStream } from './token-stream.ts'

const methodsOf: ReadonlyMap<string, readonly Method[]> = new Map<string, readonly Method[]>([
  ['read', ['get', 'list']],
  ['write', ['create', 'update', 'delete']],
  ['get', ['get']],
  ['list', ['list']],
  ['create', ['create']],
  ['update', ['update']],
  ['delete', ['delete']],
])

/** Matches nest ten deep in production; the parser stops far beyond, for the sake of the stack. */
const blocksMax = 200

/** Reads a source to the end, whatever it holds: what cannot be read is an issue and is left out. */
export const parseRules = (source: string): { readonly file: RulesFile; readonly issues: readonly Issue[] } => {
  const parser = new Parser(source)
  const file = parser.file()
  return { file, issues: parser.tokens.issues }
}

class Parser {
  readonly tokens: TokenStream
  readonly #expressions: ExpressionParser
  #depth = 0

  constructor(source: string) {
    this.tokens = new TokenStream(source)
    this.#expressions = new ExpressionParser(this.tokens)
  }

  file(): RulesFile {
    const { tokens } = this
    const functions: FunctionDeclaration[] = []
    const services: ServiceBlock[] = []
    const versions: ('1' | '2')[] = []
    while (tokens.token.kind !== 'end') {
      this.#statement(() => {
        if (tokens.is('rules_version')) versions.push(this.#version())
        else if (tokens.is('function')) functions.push(this.#function())
        else if (tokens.is('service')) services.push(this.#service())
        else throw tokens.mismatch("{'function', 'import', 'service', 'rules_version'}")
      })
    }
    if (services.length === 0 && tokens.issues.length === 0) {
      tokens.fault("mismatched input '<EOF>' expecting {'function', 'import', 'service', 'rules_version'}")
    }
    return { version: versions[0] ?? '1', functions, services }
  }

  /** Reads one statement; where that fails, goes on after its semicolon or block. */
  #statement(read: () => void): void {
    const { start } = this.tokens.token
    try {
      read()
    } catch (fault) {
      if (!(fault instanceof SyntaxFault)) throw fault
      this.#skip(start)
    }
  }

  #skip(start: number): void {
    const { tokens } = this
    if (tokens.token.start === start && !tokens.is('{')) tokens.take()
    let depth = 0
    while (tokens.token.kind !== 'end') {
      if (tokens.is('{')) depth++
      else if (tokens.is('}')) {
        if (depth === 0) {
          // At the top there is no block to close.
          if (this.#depth === 0) tokens.take()
          return
        }
        depth--
        if (depth === 0) {
          tokens.take()
          return
        }
      } else if (depth === 0 && tokens.is(';')) {
        tokens.take()
        return
      } else if (depth === 0 && ['allow', 'match', 'function', 'service'].some((word) => tokens.is(word))) return
      tokens.take()
    }
  }

  #version(): '1' | '2' {
    const { tokens } = this
    tokens.take()
    tokens.expect('=')
    const { token } = tokens
    if (token.kind !== 'string') throw tokens.mismatch('STRING')
    if (token.value !== '1' && token.value !== '2') throw tokens.fault(`Invalid rules_version: '${token.value}'.`)
    tokens.take()
    tokens.accept(';')
    return token.value
  }

  #block(read: () => void): void {
    const { tokens } = this
    tokens.expect('{')
    if (this.#depth >= blocksMax) throw tokens.fault('Match blocks are nested too deeply.')
    this.#depth++
    while (!tokens.is('}') && tokens.token.kind !== 'end') this.#statement(read)
    this.#depth--
    tokens.expect('}')
  }

  #service(): ServiceBlock {
    const { tokens } = this
    const { start } = tokens.take()
    const nameStart = tokens.token.start
    let name = tokens.expectIdentifier().text
    while (tokens.accept('.')) name += `.${tokens.expectIdentifier().text}`
    const namePosition = tokens.span(nameStart)
    const functions: FunctionDeclaration[] = []
    const matches: MatchBlock[] = []
    this.#block(() => {
      if (tokens.is('function')) functions.push(this.#function())
      else if (tokens.is('match')) matches.push(this.#match())
      else throw this.#stray()
    })
    return { name, namePosition, functions, matches, position: tokens.span(start) }
  }

  #stray(): SyntaxFault {
    const { tokens } = this
    return tokens.is('/') ? tokens.fault("Missing 'match' keyword before path.") : tokens.unexpected()
  }

  #match(): MatchBlock {
    const { tokens } = this
    const { start } = tokens.take()
    const segments = this.#segments()
    const functions: FunctionDeclaration[] = []
    const matches: MatchBlock[] = []
    const allows: AllowStatement[] = []
    this.#block(() => {
      if (tokens.is('function')) functions.push(this.#function())
      else if (tokens.is('match')) matches.push(this.#match())
      else if (tokens.is('allow')) allows.push(this.#allow())
      else throw this.#stray()
    })
    return { segments, functions, matches, allows, position: tokens.span(start) }
  }

  #segments(): MatchSegment[] {
    const { tokens } = this
    if (!tokens.is('/')) throw tokens.mismatch("'/'")
    const lexer = tokens.raw()
    const segments: MatchSegment[] = []
    while (!lexer.atComment() && lexer.take('/')) {
      if (lexer.take('{')) {
        segments.push(this.#capture())
        continue
      }
      const text = lexer.pathText()
      if (text === null) {
        tokens.resume()
        throw tokens.mismatch("{'{', PATH_SEGMENT}")
      }
      segments.push({ kind: 'literal', text })
    }
    tokens.resume()
    return segments
  }

  #capture(): MatchSegment {
    const { tokens } = this
    tokens.resume()
    const { start } = tokens.token
    const name = tokens.expectIdentifier().text
    const position = tokens.span(start)
    let kind: 'single' | 'recursive' = 'single'
    if (tokens.accept('=')) {
      tokens.expect('*')
      tokens.expect('*')
      kind = 'recursive'
    }
    if (!tokens.is('}')) throw tokens.mismatch("'}'")
    tokens.lexer.rewind(tokens.token.end)
    return { kind, name, position }
  }

  #allow(): AllowStatement {
    const { tokens } = this
    const { start } = tokens.take()
    const methods = new Set<Method>()
    const unknownMethods: Parameter[] = []
    do {
      const word = tokens.expectIdentifier()
      // Google's compilers take them in any case.
      const named = methodsOf.get(word.text.toLowerCase())
      if (!named) unknownMethods.push({ name: word.text, position: tokens.span(word.start) })
      for (const method of named ?? []) methods.add(method)
    } while (tokens.accept(','))
    let condition = null
    if (tokens.accept(':')) {
      tokens.expect('if')
      condition = this.#expressions.parse()
    }
    const position = tokens.span(start)
    this.#endStatement()
    return { methods, unknownMethods, condition, position }
  }

  /** A semicolon, which may be missing before the next statement. */
  #endStatement(): void {
    const { tokens } = this
    if (tokens.accept(';') || tokens.is('}')) return
    if (!['allow', 'match', 'function', 'let', 'return'].some((word) => tokens.is(word))) throw tokens.unexpected()
  }

  #function(): FunctionDeclaration {
    const { tokens } = this
    const { start } = tokens.take()
    const name = tokens.expectIdentifier()
    const namePosition = tokens.span(name.start)
    const parameters: Parameter[] = []
    tokens.expect('(')
    while (!tokens.is(')')) {
      const parameter = tokens.expectIdentifier()
      parameters.push({ name: parameter.text, position: tokens.span(parameter.start) })
      if (!tokens.accept(',')) break
    }
    tokens.expect(')')
    tokens.expect('{')
    const lets: LetBinding[] = []
    while (tokens.is('let')) lets.push(this.#let())
    tokens.expect('return')
    const result = this.#expressions.parse()
    tokens.accept(';')
    tokens.expect('}')
    return { name: name.text, namePosition, parameters, lets, result, position: tokens.span(start) }
  }

  #let(): LetBinding {
    const { tokens } = this
    const { start } = tokens.take()
    const name = tokens.expectIdentifier()
    const namePosition = tokens.span(name.start)
    tokens.expect('=')
    const value = this.#expressions.parse()
    const position = tokens.span(start)
    this.#endStatement()
    return { name: name.text, namePosition, value, position }
  }
}
