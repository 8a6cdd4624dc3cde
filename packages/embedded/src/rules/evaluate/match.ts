import type { MatchSegment } from '../syntax/ast.ts'

/** One segment of a path that is asked about; `null` one that is not known, as a document's id in a query. */
export type Subject = readonly SubjectToken[]
/** `rest` stands for any number of segments, at least `min`. */
export type SubjectToken = string | { readonly unknown: 'segment' } | { readonly unknown: 'rest'; readonly min: number }

export const anySegment: SubjectToken = { unknown: 'segment' }

/** How a pattern can match the start of a subject: what its captures stand for, and what of the subject is left. */
export interface PathMatch {
  readonly captures: readonly { readonly name: string; readonly value: string | SubjectToken | Subject }[]
  readonly left: Subject
}

const isRest = (token: SubjectToken | undefined): token is { unknown: 'rest'; min: number } =>
  typeof token === 'object' && token.unknown === 'rest'

/**
 * All ways in which a pattern matches the start of a subject. In version 1 a recursive capture takes all that is left,
 * at least one segment; in version 2 any number. A rest that is not known is taken by recursive captures only, save
 * that its first segment, if it is sure to be there, is as good as any.
 */
export function* matchSegments(
  pattern: readonly MatchSegment[],
  subject: Subject,
  version: '1' | '2',
): Generator<PathMatch> {
  const [segment, ...further] = pattern
  if (!segment) {
    yield { captures: [], left: subject }
    return
  }
  if (segment.kind === 'recursive') {
    const least = version === '1' ? 1 : 0
    for (let taken = subject.length; taken >= (version === '1' ? subject.length : 0); taken--) {
      if (taken < least) return
      const value = subject.slice(0, taken)
      for (const { captures, left } of matchSegments(further, subject.slice(taken), version)) {
        yield { captures: [{ name: segment.name, value }, ...captures], left }
      }
    }
    return
  }
  const [token, ...left] = subject
  if (token === undefined) return
  if (isRest(token)) {
    if (segment.kind !== 'single' || token.min < 1) return
    const after = [{ unknown: 'rest', min: token.min - 1 } as const, ...left]
    for (const match of matchSegments(further, after, version)) {
      yield { captures: [{ name: segment.name, value: anySegment }, ...match.captures], left: match.left }
    }
    return
  }
  if (segment.kind === 'literal') {
    if (token === segment.text) yield* matchSegments(further, left, version)
    return
  }
  for (const match of matchSegments(further, left, version)) {
    yield { captures: [{ name: segment.name, value: token }, ...match.captures], left: match.left }
  }
}
