import { compileRules } from './compile.ts'
import type { Decision } from './decision.ts'
import { resourceOf } from './query/symbolic-document.ts'
import type { ListQuery, RulesRequest } from './request.ts'
import type { Ruleset } from './ruleset.ts'
import { formatIssue } from './syntax/issue.ts'
import { Timestamp, type RulesMap, type RulesValue } from './values/value.ts'

/** A plain JavaScript value as one of rules: whole numbers are ints, records maps. */
export type Plain = RulesValue | undefined | { readonly [key: string]: Plain } | readonly Plain[]

export const rulesValueOf = (plain: Plain): RulesValue => {
  if (typeof plain === 'number' && Number.isInteger(plain)) return BigInt(plain)
  if (Array.isArray(plain)) return plain.map((item: Plain) => rulesValueOf(item))
  if (plain !== null && typeof plain === 'object' && Object.getPrototypeOf(plain) === Object.prototype) {
    return rulesMapOf(plain as { readonly [key: string]: Plain })
  }
  return plain as RulesValue
}

export const rulesMapOf = (record: { readonly [key: string]: Plain }): RulesMap =>
  new Map(Object.entries(record).map(([key, value]) => [key, rulesValueOf(value)]))

/** The ruleset, which must have no errors. */
export const compiled = (source: string): Ruleset => {
  const { ruleset, issues } = compileRules(source)
  if (!ruleset) throw new Error(issues.map(formatIssue).join('\n'))
  return ruleset
}

/** Rules of Firestore with one block, in which lines count from 4. */
export const firestoreRules = (body: string): Ruleset =>
  compiled(`rules_version = '2';\nservice cloud.firestore {\nmatch /databases/{database}/documents {\n${body}\n}\n}`)

/** What a request may be given shortly: a path below documents, plain values. */
export interface Ask extends Omit<Partial<RulesRequest>, 'path' | 'auth' | 'resource' | 'requestResource' | 'query'> {
  readonly path: string
  readonly uid?: string
  readonly token?: { readonly [key: string]: Plain }
  readonly data?: { readonly [key: string]: Plain }
  readonly newData?: { readonly [key: string]: Plain }
  readonly query?: Partial<ListQuery>
  /** Documents for `get` and `exists`, by their path below documents. */
  readonly documents?: { readonly [path: string]: { readonly [key: string]: Plain } }
}

const root = ['databases', '(default)', 'documents']

export const ask = (ruleset: Ruleset, asked: Ask): Decision => {
  const { path: below, uid, token = {}, data, newData, query, documents = {}, ...rest } = asked
  const path = [...root, ...below.split('/')]
  return ruleset.decide({
    service: 'cloud.firestore',
    method: 'get',
    time: Timestamp.fromMillis(Date.UTC(2024, 1, 29, 12)),
    lookup: (segments) => {
      const found = documents[segments.slice(root.length).join('/')]
      return found ? resourceOf(segments, rulesMapOf(found)) : null
    },
    ...rest,
    path,
    auth: uid === undefined ? null : rulesMapOf({ uid, token }),
    resource: data ? resourceOf(path, rulesMapOf(data)) : null,
    ...(newData && { requestResource: resourceOf(path, rulesMapOf(newData)) }),
    ...(query && {
      query: { constraint: null, orderBy: [], limit: null, offset: null, allDescendants: false, ...query },
    }),
  })
}

/** What an expression gives where all names of the reference are there: true, false, or the message of its failure. */
export const evaluated = (expression: string, asked: Partial<Ask> = {}): boolean | string => {
  const decision = ask(firestoreRules(`match /c/{id} { allow get: if ${expression}; }`), { path: 'c/d', ...asked })
  if (decision.allowed) return true
  const [reason] = decision.reasons
  return reason?.kind === 'false' ? false : (reason?.message ?? '')
}
