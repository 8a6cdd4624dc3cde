import { Code, StatusError } from '../../wire/status-error.ts'
import type { Engine } from '../engine.ts'
import type { Query } from '../query/query.ts'
import type { Database } from '../store/database.ts'
import type { LiveVersion } from '../store/tree.ts'
import type { Principal } from './principal.ts'

const denied = () => new StatusError(Code.PERMISSION_DENIED, 'Missing or insufficient permissions.')

/** What only the administrator may do. Throws PERMISSION_DENIED. */
export const authoriseOwner = (principal: Principal): void => {
  if (principal.kind !== 'owner') throw denied()
}

/** Reading one document, which `version` is or which is not there. Throws PERMISSION_DENIED. */
export const authoriseGet = (
  _engine: Engine,
  principal: Principal,
  _database: Database,
  _segments: readonly string[],
  _version: LiveVersion | null,
): void => authoriseOwner(principal)

/** Reading what a query returns. Throws PERMISSION_DENIED. */
export const authoriseQuery = (_engine: Engine, principal: Principal, _query: Query): void => authoriseOwner(principal)
