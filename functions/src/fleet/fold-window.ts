import { fold, type Delivery, type Folded, type RefusedReport, type Verdict } from '@infinity-matrix/core/fleet'
import type { FoldReceipt } from '@infinity-matrix/contracts'
import { isAbsence, isContention, isTerminal } from '../runtime/failure.ts'
import type { AgentStore, LoadedAgent } from './store.ts'

interface Waiting {
  delivery: Delivery
  attempts: number
  settle: (verdict: Verdict) => void
  fail: (error: unknown) => void
}

/** One agent's share of a commit: its deliveries, and what they make of it. */
interface Share {
  agentId: string
  waiting: Waiting[]
  loaded: LoadedAgent
  folded: Folded
}

export interface FoldWindowOptions {
  store: AgentStore
  /** Keeps what can never be applied; called before the agent that has moved past it is stored. */
  refuse: (refused: RefusedReport) => Promise<void>
  /** Called with what a commit did, a receipt for each tenant in it, before its deliveries settle. */
  report: (receipts: readonly FoldReceipt[]) => Promise<void>
  nowMs: () => number
}

// A commit's request stays small and its answer quick; more agents go into the next one.
const agentsPerCommitMax = 250
// While these are under way, deliveries gather: the busier the instance, the larger its commits.
const commitsAtOnceMax = 4
// An agent that loses this often is contended beyond what waiting here can solve: the platform delivers again, later.
const attemptsMax = 50
const backoffMsMax = 200

/**
 * Group commit. Deliveries that an instance holds at the same time are grouped by agent: one read and one write per
 * agent, all agents of a commit together. A delivery settles when its commit is stored; a conflict on one agent repeats
 * that agent alone, and one agent's failure fails its own deliveries only.
 */
export const createFoldWindow = ({ store, refuse, report, nowMs }: FoldWindowOptions) => {
  const waitingByAgent = new Map<string, Waiting[]>()
  const busy = new Set<string>()
  let commitsUnderWay = 0
  let isScheduled = false

  /** Folds one event; the verdict stands in Firestore when it resolves. */
  const submit = (delivery: Delivery): Promise<Verdict> =>
    new Promise((settle, fail) => {
      enqueue(delivery.event.agentId, [{ delivery, attempts: 0, settle, fail }])
    })

  const enqueue = (agentId: string, waiting: Waiting[]) => {
    waitingByAgent.set(agentId, [...(waitingByAgent.get(agentId) ?? []), ...waiting])
    schedule()
  }

  // Deliveries that arrive in one turn of the event loop share a commit.
  const schedule = () => {
    if (isScheduled) return
    isScheduled = true
    setImmediate(() => {
      isScheduled = false
      if (commitsUnderWay < commitsAtOnceMax) startCommit()
    })
  }

  const startCommit = () => {
    const taken = new Map<string, Waiting[]>()
    for (const [agentId, waiting] of waitingByAgent) {
      if (taken.size === agentsPerCommitMax) break
      if (!busy.has(agentId)) taken.set(agentId, waiting)
    }
    if (taken.size === 0) return
    for (const agentId of taken.keys()) {
      busy.add(agentId)
      waitingByAgent.delete(agentId)
    }
    commitsUnderWay++
    if (waitingByAgent.size > 0) schedule()
    commit(taken)
      .catch((error: unknown) => {
        for (const { fail } of [...taken.values()].flat()) fail(error)
      })
      .finally(() => {
        commitsUnderWay--
        for (const agentId of taken.keys()) busy.delete(agentId)
        schedule()
      })
  }

  const commit = async (taken: ReadonlyMap<string, Waiting[]>) => {
    const agentIds = [...taken.keys()]
    const loaded = await store.load(agentIds)
    const startedMs = nowMs()
    const attempted = await Promise.allSettled(
      agentIds.map(async (agentId, index): Promise<Share> => {
        const waiting = taken.get(agentId) ?? []
        const result = loaded[index]
        if (result?.status !== 'fulfilled') throw result?.reason
        const deliveries = waiting.map(({ delivery }) => delivery)
        const folded = fold(result.value.stored, deliveries, startedMs)
        await Promise.all(folded.refused.map(refuse))
        return { agentId, waiting, loaded: result.value, folded }
      }),
    )
    const shares = attempted.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
    const changes = shares.flatMap(({ agentId, loaded: before, folded }) =>
      folded.changed && folded.agent ? [{ agentId, loaded: before, next: folded.agent }] : [],
    )
    const saved = await store.saveAll(changes)

    const failures = new Map<string, unknown>()
    attempted.forEach((result, index) => {
      if (result.status === 'rejected') failures.set(agentIds[index] ?? '', result.reason)
    })
    saved.forEach((result, index) => {
      if (result.status === 'rejected') failures.set(changes[index]?.agentId ?? '', result.reason)
    })
    const stored = shares.filter(({ agentId }) => !failures.has(agentId))
    if (stored.length > 0) await report(receiptsOf(stored, nowMs()))
    for (const { waiting, folded } of stored)
      waiting.forEach(({ settle }, index) => settle(folded.verdicts[index] ?? 'observed'))
    for (const [agentId, error] of failures) again(agentId, taken.get(agentId) ?? [], error)
  }

  const again = (agentId: string, waiting: Waiting[], error: unknown) => {
    const attempts = Math.max(...waiting.map((one) => one.attempts)) + 1
    // An agent that is gone was erased since it was read: it begins anew.
    if ((isContention(error) || isAbsence(error)) && attempts < attemptsMax) {
      const delayMs = Math.random() * Math.min(backoffMsMax, 2 ** attempts)
      setTimeout(
        () =>
          enqueue(
            agentId,
            waiting.map((one) => ({ ...one, attempts })),
          ),
        delayMs,
      )
    } else if (isTerminal(error) && waiting.length > 1) foldOneByOne(agentId, waiting)
    else for (const { fail } of waiting) fail(error)
  }

  // One of several cannot be stored: apart, the others can.
  const foldOneByOne = (agentId: string, [first, ...rest]: Waiting[]) => {
    if (!first) return
    const next = () => foldOneByOne(agentId, rest)
    const settle: Waiting['settle'] = (verdict) => {
      first.settle(verdict)
      next()
    }
    const fail: Waiting['fail'] = (error) => {
      first.fail(error)
      next()
    }
    enqueue(agentId, [{ ...first, settle, fail }])
  }

  return { submit }
}

/** One receipt for each tenant that has a share. */
const receiptsOf = (shares: readonly Share[], nowMs: number): FoldReceipt[] => {
  const byTenant = Map.groupBy(shares, tenantOf)
  return [...byTenant].map(([tenant, ofTenant]) => receiptOf(tenant, ofTenant, nowMs))
}

// An observation may come before its agent is known; then it says itself whose it is.
const tenantOf = ({ folded, waiting }: Share): string =>
  folded.agent?.document.tenant ?? waiting[0]?.delivery.event.tenant ?? ''

const receiptOf = (tenant: string, shares: readonly Share[], nowMs: number): FoldReceipt => {
  const verdicts = shares.flatMap(({ folded }) => folded.verdicts)
  const count = (verdict: Verdict) => verdicts.filter((one) => one === verdict).length
  const released = shares.flatMap(({ folded }) => folded.released)
  const appliedNow = shares.flatMap(({ waiting, folded }) =>
    waiting.flatMap(({ delivery }, index) => (folded.verdicts[index] === 'applied' ? [delivery] : [])),
  )
  return {
    type: 'fleet.folded.v1',
    tenant,
    applied: count('applied'),
    duplicates: count('duplicate'),
    parked: count('parked'),
    observed: count('observed'),
    refused: count('refused'),
    released: released.length,
    lagMs: [...appliedNow, ...released].map(({ publishedAt }) => nowMs - Date.parse(publishedAt)),
  }
}
