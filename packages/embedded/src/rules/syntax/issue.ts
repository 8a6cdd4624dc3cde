/** Where something stands in the source. Lines and columns count from 1, offsets (UTF-16 units) from 0. */
export interface Position {
  readonly line: number
  readonly column: number
  readonly offset: number
  /** The offset of the last character. */
  readonly endOffset: number
}

export type Severity = 'ERROR' | 'WARNING'

/** What the compiler has to say. `position` is null where it concerns the source as a whole. */
export interface Issue {
  readonly severity: Severity
  readonly description: string
  readonly position: Position | null
}

/** `L3:14 Unexpected '}'.`, as the emulator prints it. */
export const formatIssue = ({ position, description }: Issue): string =>
  position ? `L${position.line}:${position.column} ${description}` : description
