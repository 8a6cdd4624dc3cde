import type { Method } from '../../rules/index.ts'
import type { Engine } from '../engine.ts'
import type { Database } from '../store/database.ts'
import { outcomeOf, type Step } from '../writes/apply.ts'
import type { PreparedWrite } from '../writes/write.ts'
import { requireAllowed } from './authorise.ts'
import { caseOf, judgeOf, storedIn, type Judge, type Read } from './judge.ts'
import type { Principal } from './principal.ts'
import { rulesPath, rulesResource } from './rules-values.ts'

/** Throws PERMISSION_DENIED unless all of `writes` may be made at `time`, in microseconds. */
export type WriteGate = (writes: readonly PreparedWrite[], time: number) => void

// What it is that a write asks to do, before it is known whether it can be done.
const methodOf = ({ write, before }: Step): Method => {
  const { kind, requirement } = write
  if (kind === 'verify') return 'get'
  if (kind === 'delete') return 'delete'
  if (requirement && 'exists' in requirement) return requirement.exists ? 'update' : 'create'
  return before || requirement ? 'update' : 'create'
}

const OTHER: Partial<Record<Method, Method>> = { create: 'update', update: 'create' }

const requireWrite = (judge: Judge, database: Database, step: Step): void => {
  const { write, before, after } = step
  const path = rulesPath(database.name, write.segments)
  const decide = (method: Method) =>
    judge({
      method,
      path,
      resource: method === 'create' || !before ? null : rulesResource(path, before),
      ...(method !== 'get' && { requestResource: after && rulesResource(path, after) }),
    })
  const method = methodOf(step)
  const decision = decide(method)
  const other = OTHER[method]
  // Google's emulator names the reasons against both where a write may turn out to be either.
  if (decision.allowed || !other || write.requirement) requireAllowed(decision)
  else requireAllowed(decision, decide(other))
}

/**
 * Decides the writes of a commit by the rules, for `Coordinator.commit`; undefined where everything is allowed. Rules
 * are asked what the writes would make of the documents whatever their preconditions, so that who may not write learns
 * nothing of what is stored.
 */
export const writeGate = (engine: Engine, principal: Principal, database: Database): WriteGate | undefined => {
  const about = caseOf(engine, principal, database.name)
  if (!about) return undefined
  return (writes, time) => {
    const steps: Step[] = []
    const unconditional = writes.map((write) => ({ ...write, requirement: null }))
    const { changes } = outcomeOf(database, unconditional, time, steps)
    const stored = storedIn(database)
    const read: Read = (segments, when) => {
      const change = when === 'after' ? changes.get(segments.join('/')) : undefined
      return change ? change.fields : stored(segments, when)
    }
    const judge = judgeOf({ ...about, time, read })
    steps.forEach((step, i) => requireWrite(judge, database, { ...step, write: writes[i] as PreparedWrite }))
  }
}
