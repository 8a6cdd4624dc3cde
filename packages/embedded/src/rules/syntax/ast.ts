import type { RulesValue } from '../values/value.ts'
import type { Position } from './issue.ts'

export type Method = 'get' | 'list' | 'create' | 'update' | 'delete'

export type UnaryOperator = '!' | '-'

export type BinaryOperator = '==' | '!=' | '<' | '<=' | '>' | '>=' | 'in' | '+' | '-' | '*' | '/' | '%'

/** A segment of a path literal in an expression: text, or an expression in `$( )`. */
export type PathPart = { readonly text: string } | { readonly value: Expression }

interface Node {
  readonly position: Position
}

/** A type name as `is` takes it, one of `typeNames`. */
export interface Literal extends Node {
  readonly kind: 'literal'
  readonly value: RulesValue
}
export interface Identifier extends Node {
  readonly kind: 'identifier'
  readonly name: string
}
export interface Member extends Node {
  readonly kind: 'member'
  readonly object: Expression
  readonly name: string
}
export interface Index extends Node {
  readonly kind: 'index'
  readonly object: Expression
  readonly index: Expression
}
export interface Slice extends Node {
  readonly kind: 'slice'
  readonly object: Expression
  readonly from: Expression
  readonly to: Expression
}
export interface Call extends Node {
  readonly kind: 'call'
  /** What a method is called on; null for a function called by name. */
  readonly receiver: Expression | null
  readonly name: string
  readonly namePosition: Position
  readonly args: readonly Expression[]
}
export interface Unary extends Node {
  readonly kind: 'unary'
  readonly operator: UnaryOperator
  readonly operand: Expression
}
export interface Binary extends Node {
  readonly kind: 'binary'
  readonly operator: BinaryOperator
  readonly left: Expression
  readonly right: Expression
}
export interface Logical extends Node {
  readonly kind: 'logical'
  readonly operator: '&&' | '||'
  readonly left: Expression
  readonly right: Expression
}
export interface TypeTest extends Node {
  readonly kind: 'is'
  readonly operand: Expression
  readonly type: string
}
export interface Ternary extends Node {
  readonly kind: 'ternary'
  readonly condition: Expression
  readonly whenTrue: Expression
  readonly whenFalse: Expression
}
export interface ListLiteral extends Node {
  readonly kind: 'list'
  readonly items: readonly Expression[]
}
export interface MapLiteral extends Node {
  readonly kind: 'map'
  readonly entries: readonly { readonly key: Expression; readonly value: Expression }[]
}
export interface PathLiteral extends Node {
  readonly kind: 'path'
  readonly parts: readonly PathPart[]
}

export type Expression =
  | Literal
  | Identifier
  | Member
  | Index
  | Slice
  | Call
  | Unary
  | Binary
  | Logical
  | TypeTest
  | Ternary
  | ListLiteral
  | MapLiteral
  | PathLiteral

export interface Parameter extends Node {
  readonly name: string
}

export interface LetBinding extends Node {
  readonly name: string
  readonly namePosition: Position
  readonly value: Expression
}

export interface FunctionDeclaration extends Node {
  readonly name: string
  readonly namePosition: Position
  readonly parameters: readonly Parameter[]
  readonly lets: readonly LetBinding[]
  readonly result: Expression
}

export interface AllowStatement extends Node {
  /** Of `read` and `write` those that they stand for. */
  readonly methods: ReadonlySet<Method>
  /** Words that are no methods. Production takes them; they allow nothing. */
  readonly unknownMethods: readonly Parameter[]
  /** null for `allow read;` */
  readonly condition: Expression | null
}

export type MatchSegment =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'single'; readonly name: string; readonly position: Position }
  | { readonly kind: 'recursive'; readonly name: string; readonly position: Position }

export interface MatchBlock extends Node {
  readonly segments: readonly MatchSegment[]
  readonly functions: readonly FunctionDeclaration[]
  readonly matches: readonly MatchBlock[]
  readonly allows: readonly AllowStatement[]
}

export interface ServiceBlock extends Node {
  readonly name: string
  readonly namePosition: Position
  readonly functions: readonly FunctionDeclaration[]
  readonly matches: readonly MatchBlock[]
}

export interface RulesFile {
  /** 1 where the source does not say. */
  readonly version: '1' | '2'
  readonly functions: readonly FunctionDeclaration[]
  readonly services: readonly ServiceBlock[]
}
