import type { Engine } from '../engine.ts'
import type { TargetMessage } from '../rpc/messages.ts'
import type { DocumentNode, LiveVersion } from '../store/tree.ts'
import { bloomFilterOf } from './bloom-filter.ts'
import { added, changed, current, deleted, reset, type Moment } from './responses.ts'
import { timeOfToken } from './resume-token.ts'
import type { Target } from './target.ts'
import type { Seen } from './view.ts'

/** What brings a client from what it knows of a target to the latest state. */
export interface Opening {
  /** Whether what the client knows can be built upon no more. */
  readonly isReset: boolean
  readonly shown: readonly Seen[]
  /** What it has to drop; a null version is a document that is deleted. */
  readonly left: readonly { readonly node: DocumentNode; readonly version: LiveVersion | null }[]
  /** The names of the documents that are not there. */
  readonly missing: readonly string[]
  /** google.firestore.v1.ExistenceFilter without the target, for a client that has resumed. */
  readonly filter: object | null
}

// For so long, in microseconds, production goes on watching a query whose client is gone, and can say what has left it.
// Of one that comes back later it only knows what there is; the client finds out from the names what is not.
const WATCHED_ON = 10_000_000

/** The moment from which a client knows a target: null when it knows nothing, 'lost' when it is too long ago. */
const resumedFrom = (engine: Engine, message: TargetMessage): number | 'lost' | null => {
  const { resumeType, resumeToken, readTime } = message
  const byToken = resumeType === 'resumeToken' && resumeToken.length > 0
  const byTime = resumeType === 'readTime' && readTime
  if (!byToken && !byTime) return null
  const time = byToken ? timeOfToken(engine, resumeToken) : (readTime?.toMicros() ?? Number.NaN)
  const now = engine.store.timeline.read()
  const horizon = Math.max(engine.store.history.horizon(now), engine.watches.startedAt)
  return time >= horizon && time <= now ? time : 'lost'
}

/** Begins to follow a target from what the client knows of it. */
export const openTarget = (engine: Engine, { view, names }: Target, message: TargetMessage): Opening => {
  const now = view.open()
  const since = resumedFrom(engine, message)
  if (since === null || since === 'lost') {
    const found = new Set(names.length > 0 ? now.map(({ node }) => node.name) : [])
    const missing = names.filter((name) => !found.has(name))
    return { isReset: since === 'lost', shown: now, left: [], missing, filter: null }
  }
  const before = new Map(view.at(since).map(({ node, version }) => [node, version]))
  const shown = now.filter(({ node, version }) => before.get(node) !== version)
  const size = before.size
  for (const { node } of now) before.delete(node)
  const expected = message.expectedCount?.value ?? 0
  const isLate = names.length === 0 && expected > 0 && engine.store.timeline.read() - since >= WATCHED_ON
  const left = isLate ? [] : Array.from(before.keys(), (node) => ({ node, version: node.at() }))
  // A client that has as many as there were, and is told what has left, needs no names to find out the rest.
  const isInDoubt = expected > 0 && (expected !== size || (isLate && before.size > 0))
  const unchangedNames = isInDoubt ? { unchangedNames: bloomFilterOf(now.map(({ node }) => node.name)) } : {}
  // Of documents given by name the client is told one by one, so there is nothing to count.
  const filter = names.length > 0 ? null : { count: now.length, ...unchangedNames }
  return { isReset: false, shown, left, missing: [], filter }
}

/** The responses that bring the client there, made as they are asked for. */
export function* openingResponses(
  id: number,
  { projection }: Target,
  { isReset, shown, left, missing, filter }: Opening,
  now: Moment,
): Generator<object> {
  yield added(id)
  if (isReset) yield reset(id)
  for (const { node, version } of shown) {
    yield changed({ node, version, projection, shown: [id], left: [] }, now.time)
  }
  for (const name of missing) yield deleted(name, [id], now.time)
  for (const { node, version } of left) yield changed({ node, version, projection, shown: [], left: [id] }, now.time)
  if (filter) yield { filter: { targetId: id, ...filter } }
  yield current(id, now)
}
