import { Code, StatusError } from '../../wire/status-error.ts'
import { formatDenial, type Decision } from '../../rules/index.ts'
import type { Engine } from '../engine.ts'
import type { Query } from '../query/query.ts'
import type { Database } from '../store/database.ts'
import type { LiveVersion } from '../store/tree.ts'
import { caseOf, judgeOf, storedIn, type Judge } from './judge.ts'
import { listPathOf, listQueryOf } from './list-query.ts'
import type { Principal } from './principal.ts'
import { rulesPath, rulesResource } from './rules-values.ts'

const denied = (message: string) => new StatusError(Code.PERMISSION_DENIED, message)

/** Throws PERMISSION_DENIED in the words of Google's emulator unless one of `decisions`, the first, allows. */
export const requireAllowed = (...decisions: readonly [Decision, ...Decision[]]): void => {
  if (!decisions[0].allowed) throw denied(formatDenial(decisions))
}

/** What only the administrator may do. Throws PERMISSION_DENIED. */
export const authoriseOwner = (principal: Principal, what: 'Metadata operations' | 'Batch writes'): void => {
  if (principal.kind !== 'owner') throw denied(`${what} require admin authentication.`)
}

/** null where everything may be read. */
const readingJudge = (engine: Engine, principal: Principal, database: Database): Judge | null => {
  const about = caseOf(engine, principal, database.name)
  return about && judgeOf({ ...about, time: engine.store.timeline.read(), read: storedIn(database) })
}

export interface DocumentRead {
  readonly segments: readonly string[]
  /** The document that is read; null where there is none. */
  readonly version: LiveVersion | null
}

/** Reading documents in one request. Throws PERMISSION_DENIED when one of them may not be read. */
export const authoriseGets = (
  engine: Engine,
  principal: Principal,
  database: Database,
  reads: readonly DocumentRead[],
): void => {
  const judge = readingJudge(engine, principal, database)
  if (!judge) return
  for (const { segments, version } of reads) {
    const path = rulesPath(database.name, segments)
    requireAllowed(judge({ method: 'get', path, resource: version && rulesResource(path, version.fields) }))
  }
}

/** Reading one document, which `version` is or which is not there. Throws PERMISSION_DENIED. */
export const authoriseGet = (
  engine: Engine,
  principal: Principal,
  database: Database,
  segments: readonly string[],
  version: LiveVersion | null,
): void => {
  if (principal.kind !== 'owner') authoriseGets(engine, principal, database, [{ segments, version }])
}

/** Reading what a query returns, which rules must allow whatever is stored. Throws PERMISSION_DENIED. */
export const authoriseQuery = (engine: Engine, principal: Principal, query: Query): void => {
  const judge = readingJudge(engine, principal, engine.database(query.database))
  if (!judge) return
  requireAllowed(judge({ method: 'list', path: listPathOf(query), resource: null, query: listQueryOf(query) }))
}
