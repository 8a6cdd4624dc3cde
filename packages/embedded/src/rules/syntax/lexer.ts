import type { Position } from './issue.ts'

export interface Token {
  /** `end` after the last one; `bad` for what is no token, an unfinished string for instance. */
  readonly kind: 'identifier' | 'int' | 'float' | 'string' | 'bytes' | 'punctuator' | 'end' | 'bad'
  /** As it stands in the source; for `end` `<EOF>`. */
  readonly text: string
  /** Of a string, what it stands for; of bytes, what stands between its quotes. */
  readonly value: string
  readonly start: number
  readonly end: number
}

const blank = /(?:\s|\/\/[^\n]*|\/\*[^]*?\*\/)*/y
const identifier = /[A-Za-z_][A-Za-z0-9_]*/y
const number = /(?:\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|0[xX][0-9a-fA-F]+|\d+)/y
const string = /'(?:[^'\\\n\r]|\\[^])*'|"(?:[^"\\\n\r]|\\[^])*"/y
const bytes = /b(?:'(?:[^'\\\n\r]|\\[^])*'|"(?:[^"\\\n\r]|\\[^])*")/y
const punctuator = /&&|\|\||==|!=|<=|>=|[{}()[\],;:.?=<>!+\-*/%$]/y
const pathText = /(?:[A-Za-z0-9_~@%+*-]|\.(?=[A-Za-z0-9_~@%+*-])|\([A-Za-z0-9_-]+\))+/y

const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  b: '\b',
  f: '\f',
  '0': '\0',
  '\\': '\\',
  "'": "'",
  '"': '"',
  '`': '`',
  '/': '/',
}

const byteEscape = /^\\(?:x[0-9a-fA-F]{2}|[0-3][0-7]{2})$/
const bytePieces = /\\(?:x[0-9a-fA-F]{2}|[0-3][0-7]{2})|(?:\\u[0-9a-fA-F]{4})+|\\[^]|[^\\]+/g

/** The code of an escape like `\x41`, `\101` or `\u0041`. */
const codeOf = (escape: string): number =>
  /^\\\d/.test(escape) ? Number.parseInt(escape.slice(1), 8) : Number.parseInt(escape.slice(2), 16)

/** The bytes that a literal `b'..'` stands for: `\x00` to `\xff`, the same in octal, and text in UTF-8. */
export const bytesOf = (text: string): Uint8Array => {
  const pieces = (text.match(bytePieces) ?? []).map((piece) =>
    byteEscape.test(piece) ? Uint8Array.of(codeOf(piece)) : new TextEncoder().encode(unescape(`'${piece}'`)),
  )
  return new Uint8Array(Buffer.concat(pieces))
}

/** What a string literal stands for. An escape that is none keeps its backslash, which regular expressions rely on. */
const unescape = (literal: string): string =>
  literal
    .slice(1, -1)
    .replace(/\\(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[0-3][0-7]{2}|[^])/g, (escape) =>
      escape.length > 2 ? String.fromCharCode(codeOf(escape)) : (escapes[escape.charAt(1)] ?? escape),
    )

/** The source as tokens, read one at a time: within a path, what is a token is not what it is elsewhere. */
export class Lexer {
  readonly source: string
  #at = 0
  readonly #lineStarts: number[] = [0]

  constructor(source: string) {
    this.source = source
    for (let at = source.indexOf('\n'); at >= 0; at = source.indexOf('\n', at + 1)) this.#lineStarts.push(at + 1)
  }

  /** Where the next token is looked for. */
  get at(): number {
    return this.#at
  }

  rewind(at: number): void {
    this.#at = at
  }

  #match(pattern: RegExp, at: number): string | null {
    pattern.lastIndex = at
    return pattern.exec(this.source)?.[0] ?? null
  }

  next(): Token {
    const start = this.#at + (this.#match(blank, this.#at)?.length ?? 0)
    if (start >= this.source.length) return this.#token('end', '<EOF>', start, start)
    const binary = this.#match(bytes, start)
    if (binary !== null) return this.#token('bytes', binary, start)
    const word = this.#match(identifier, start)
    if (word !== null) return this.#token('identifier', word, start)
    const digits = this.#match(number, start)
    if (digits !== null) return this.#token(/^(?:\d+|0[xX].*)$/.test(digits) ? 'int' : 'float', digits, start)
    const quoted = this.#match(string, start)
    if (quoted !== null) return this.#token('string', quoted, start)
    const mark = this.#match(punctuator, start)
    if (mark !== null) return this.#token('punctuator', mark, start)
    return this.#token('bad', String.fromCodePoint(this.source.codePointAt(start) ?? 0), start)
  }

  #token(kind: Token['kind'], text: string, start: number, end = start + text.length): Token {
    this.#at = end
    return {
      kind,
      text,
      value: kind === 'string' ? unescape(text) : kind === 'bytes' ? text.slice(2, -1) : text,
      start,
      end,
    }
  }

  /** The text of a path's segment right where the lexer stands, which is after its slash; null if there is none. */
  pathText(): string | null {
    const text = this.#match(pathText, this.#at)
    if (text !== null) this.#at += text.length
    return text
  }

  /** Whether the next character, with nothing between, is this one; then it is taken. */
  take(text: string): boolean {
    if (!this.source.startsWith(text, this.#at)) return false
    this.#at += text.length
    return true
  }

  /** Whether a comment begins right here, which a slash of a path could be mistaken for. */
  atComment(): boolean {
    return this.source.startsWith('//', this.#at) || this.source.startsWith('/*', this.#at)
  }

  position(start: number, end: number): Position {
    let low = 0
    let high = this.#lineStarts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((this.#lineStarts[middle] as number) <= start) low = middle
      else high = middle - 1
    }
    return {
      line: low + 1,
      column: start - (this.#lineStarts[low] as number) + 1,
      offset: start,
      endOffset: Math.max(start, end - 1),
    }
  }
}
