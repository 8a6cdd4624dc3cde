import type { LedgerEntry } from '@infinity-matrix/contracts'

/** Which entries are looked for: those that are all of this. */
export interface EntryFilter {
  tenant?: string | undefined
  kind?: string | undefined
  /** As `kind:id`. */
  actor?: string | undefined
  subject?: string | undefined
}

const actorOf = ({ actor }: LedgerEntry): string => `${actor.kind}:${actor.id}`

export const matches = ({ tenant, kind, actor, subject }: EntryFilter, entry: LedgerEntry): boolean =>
  (tenant === undefined || entry.tenant === tenant) &&
  (kind === undefined || entry.kind === kind) &&
  (actor === undefined || actorOf(entry) === actor) &&
  (subject === undefined || entry.subject === subject)

/**
 * A term for some words: short whatever they are, so that a bundle and its terms fit a document. Two that are alike by
 * chance cost a bundle that is read in vain, not a wrong answer.
 */
export type TermOf = (words: string) => string

// No tenant, where one asks for all of them, is written as none can be.
const wordsOf = (field: string, tenant: string | undefined, value: string) => [field, tenant ?? '', value].join('\n')
const idWords = (id: string) => wordsOf('id', undefined, id)

/** The terms that a bundle of these entries is found by. */
export const searchTerms = (termOf: TermOf, entries: readonly LedgerEntry[]): string[] => {
  const words = new Set<string>()
  for (const entry of entries) {
    words.add(idWords(entry.id))
    for (const tenant of [undefined, entry.tenant]) {
      words.add(wordsOf('any', tenant, ''))
      words.add(wordsOf('kind', tenant, entry.kind))
      words.add(wordsOf('actor', tenant, actorOf(entry)))
      words.add(wordsOf('subject', tenant, entry.subject))
    }
  }
  return [...words].map(termOf)
}

/** The term by which the fewest bundles are found that may hold what is looked for. */
export const filterTerm = (termOf: TermOf, { tenant, kind, actor, subject }: EntryFilter): string => {
  if (subject !== undefined) return termOf(wordsOf('subject', tenant, subject))
  if (actor !== undefined) return termOf(wordsOf('actor', tenant, actor))
  return termOf(kind === undefined ? wordsOf('any', tenant, '') : wordsOf('kind', tenant, kind))
}

/** The term by which an entry with an id is found. */
export const idTerm = (termOf: TermOf, id: string): string => termOf(idWords(id))
