import type { Issue, Position } from './issue.ts'
import { Lexer, type Token } from './lexer.ts'

/** Thrown where a statement cannot be read on; its issue is reported already. */
export class SyntaxFault extends Error {}

/** Tokens with one of foresight, and the issues found in them. */
export class TokenStream {
  readonly lexer: Lexer
  readonly issues: Issue[] = []
  #token: Token
  /** The end of the last token that was taken. */
  lastEnd = 0

  constructor(source: string) {
    this.lexer = new Lexer(source)
    this.#token = this.lexer.next()
  }

  get token(): Token {
    return this.#token
  }

  is(text: string): boolean {
    return this.#token.text === text && (this.#token.kind === 'punctuator' || this.#token.kind === 'identifier')
  }

  take(): Token {
    const token = this.#token
    this.lastEnd = token.end
    this.#token = this.lexer.next()
    return token
  }

  accept(text: string): boolean {
    if (!this.is(text)) return false
    this.take()
    return true
  }

  /** Takes this token, or throws SyntaxFault with the text of Google's parser. */
  expect(text: string): Token {
    if (!this.is(text)) throw this.mismatch(`'${text}'`)
    return this.take()
  }

  expectIdentifier(): Token {
    if (this.#token.kind !== 'identifier') throw this.mismatch('IDENTIFIER')
    return this.take()
  }

  mismatch(expected: string): SyntaxFault {
    return this.fault(`mismatched input '${this.#token.text}' expecting ${expected}`)
  }

  unexpected(): SyntaxFault {
    return this.fault(this.#token.kind === 'end' ? 'Unexpected end of input.' : `Unexpected '${this.#token.text}'.`)
  }

  fault(description: string, position = this.lexer.position(this.#token.start, this.#token.end)): SyntaxFault {
    this.report(description, position)
    return new SyntaxFault(description)
  }

  report(description: string, position: Position | null): void {
    this.issues.push({ severity: 'ERROR', description, position })
  }

  /** From `start` to the end of the last token taken. */
  span(start: number): Position {
    return this.lexer.position(start, this.lastEnd)
  }

  /** Reads on at an offset, after the lexer was used by hand. */
  resume(): void {
    this.lastEnd = this.lexer.at
    this.#token = this.lexer.next()
  }

  /** Goes back to the current token's start, to read characters by hand. */
  raw(): Lexer {
    this.lexer.rewind(this.#token.start)
    return this.lexer
  }
}
