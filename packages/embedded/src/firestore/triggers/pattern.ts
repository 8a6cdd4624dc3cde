/** Whether a pattern is about a document; `segments` is its path below `documents`. */
export type Matches = (segments: readonly string[]) => boolean

type Part = { readonly literal: string } | 'one' | 'many'

const WILDCARD = /^\{[^{}=]*(?:=(?<what>\*\*?))?\}$/

const partOf = (text: string): Part => {
  const wildcard = WILDCARD.exec(text)
  const what = wildcard ? (wildcard.groups?.['what'] ?? '*') : text
  if (what === '*') return 'one'
  return what === '**' ? 'many' : { literal: text }
}

const matches = (parts: readonly Part[], at: number, segments: readonly string[], from: number): boolean => {
  const part = parts[at]
  if (part === undefined) return from === segments.length
  if (part === 'many') {
    for (let end = from; end <= segments.length; end++) if (matches(parts, at + 1, segments, end)) return true
    return false
  }
  if (from === segments.length || (part !== 'one' && part.literal !== segments[from])) return false
  return matches(parts, at + 1, segments, from + 1)
}

/**
 * The documents of a pattern as functions are declared with: `users/{id}/posts/*`; a wildcard stands for one segment,
 * `{rest=**}` and `**` for any number of them (https://cloud.google.com/eventarc/docs/path-patterns).
 */
export const compilePattern = (pattern: string): Matches => {
  const parts = pattern
    .replace(/^\/|\/$/g, '')
    .split('/')
    .map(partOf)
  return (segments) => matches(parts, 0, segments, 0)
}

/** The one document with this path. */
export const compilePath = (path: string): Matches => {
  const exact = path.replace(/^\/|\/$/g, '')
  return (segments) => segments.join('/') === exact
}
