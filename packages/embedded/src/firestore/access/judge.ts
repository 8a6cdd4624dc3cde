import {
  DocumentAccesses,
  Timestamp,
  type Decision,
  type RulesMap,
  type RulesRequest,
  type Ruleset,
} from '../../rules/index.ts'
import type { Engine } from '../engine.ts'
import type { Database } from '../store/database.ts'
import type { MapValue } from '../values/value.ts'
import type { Principal, User } from './principal.ts'
import { belowDocuments, rulesAuth, rulesResource } from './rules-values.ts'

// How many documents rules may read for all that one request asks; what they may for each of it they know themselves.
const ACCESSES_MAX = 20

const NANOS_PER_MICRO = 1000n

/** What a decision is about: all of a request but who asks, when, and what rules can look up. */
export type Question = Pick<RulesRequest, 'method' | 'path' | 'resource' | 'requestResource' | 'query'>

export type Judge = (question: Question) => Decision

/** Other documents as rules may read them, by their path below `documents`. */
export type Read = (segments: readonly string[], when: 'before' | 'after') => MapValue | null

export interface Hearing {
  readonly ruleset: Ruleset
  readonly user: User
  /** `projects/{p}/databases/{d}` */
  readonly database: string
  /** Microseconds since the epoch: `request.time`. */
  readonly time: number
  readonly read: Read
}

/** Reads what is stored. */
export const storedIn =
  (database: Database): Read =>
  (segments) =>
    database.find(segments)?.at()?.fields ?? null

/** Whom to ask rules about, and which. null where everything is allowed: to the owner, and where there are no rules. */
export const caseOf = (
  engine: Engine,
  principal: Principal,
  database: string,
): Pick<Hearing, 'ruleset' | 'user' | 'database'> | null => {
  if (principal.kind === 'owner') return null
  const ruleset = engine.rules.of(database.split('/')[1] as string)
  return ruleset && { ruleset, user: principal, database }
}

/** Decides what one request asks. */
export const judgeOf = ({ ruleset, user, database, time, read }: Hearing): Judge => {
  const lookup = (path: readonly string[], when: 'before' | 'after'): RulesMap | null => {
    const segments = belowDocuments(database, path)
    const fields = segments && read(segments, when)
    return fields && rulesResource(path, fields)
  }
  const request = {
    service: 'cloud.firestore' as const,
    auth: user.claims && rulesAuth(user.claims),
    time: new Timestamp(BigInt(time) * NANOS_PER_MICRO),
    lookup,
    accesses: new DocumentAccesses(ACCESSES_MAX),
  }
  return (question) => ruleset.decide({ ...request, ...question })
}
