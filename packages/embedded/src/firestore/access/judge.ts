import { Timestamp, type Decision, type RulesMap, type RulesRequest } from '../../rules/index.ts'
import type { Engine } from '../engine.ts'
import type { Database } from '../store/database.ts'
import type { MapValue } from '../values/value.ts'
import type { Principal } from './principal.ts'
import { belowDocuments, rulesAuth, rulesResource } from './rules-values.ts'

// How many documents rules may read to decide about one document or query, and about all those of one request. What was
// read already is free.
const ACCESSES_PER_DECISION = 10
const ACCESSES_PER_REQUEST = 20

const NANOS_PER_MICRO = 1000n

/** What a decision is about: all of a request but who asks, when, and what rules can look up. */
export type Question = Pick<RulesRequest, 'method' | 'path' | 'resource' | 'requestResource' | 'query'>

export type Judge = (question: Question) => Decision

/** Other documents as rules may read them, by their path below `documents`. */
export type Read = (segments: readonly string[], when: 'before' | 'after') => MapValue | null

export interface Hearing {
  /** Microseconds since the epoch: `request.time`. */
  readonly time: number
  readonly read: Read
}

/** Reads what is stored. */
export const storedIn =
  (database: Database): Read =>
  (segments) =>
    database.find(segments)?.at()?.fields ?? null

/**
 * Decides one request of a user by the rules of the database's project. null where all is allowed: to the owner, and
 * where the project has no rules.
 */
export const judgeOf = (
  engine: Engine,
  principal: Principal,
  databaseName: string,
  { time, read }: Hearing,
): Judge | null => {
  if (principal.kind === 'owner') return null
  const ruleset = engine.rules.of(databaseName.split('/')[1] as string)
  if (!ruleset) return null
  const lookup = (path: readonly string[], when: 'before' | 'after'): RulesMap | null => {
    const segments = belowDocuments(databaseName, path)
    const fields = segments && read(segments, when)
    return fields && rulesResource(path, fields)
  }
  const request = {
    service: 'cloud.firestore' as const,
    auth: principal.claims && rulesAuth(principal.claims),
    time: new Timestamp(BigInt(time) * NANOS_PER_MICRO),
    lookup,
  }
  const seen = new Map<string, RulesMap | null>()
  return (question) => {
    const limit = Math.min(ACCESSES_PER_REQUEST, seen.size + ACCESSES_PER_DECISION)
    return ruleset.decide({ ...request, ...question, accesses: { limit, seen } })
  }
}
