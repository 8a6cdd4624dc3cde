import type { Delivery, Verdict } from '@infinity-matrix/core/fleet'
import { isAbsence, isContention, isPassing, isTerminal, overload } from '../../runtime/failure.ts'
import { createFoldCommit, type FoldCommitOptions } from './fold-commit.ts'

export interface FoldWindowOptions extends FoldCommitOptions {
  /** What an instance holds at most, in events and in bytes of their text; an event takes about a kilobyte besides. */
  eventsMax?: number
  bytesMax?: number
}

export type FoldResult = PromiseSettledResult<Verdict>

/** The deliveries that one caller waits for. */
interface Submission {
  results: FoldResult[]
  open: number
  bytes: number
  settle: (results: FoldResult[]) => void
}

interface Waiting {
  delivery: Delivery
  submission: Submission
  index: number
  attempts: number
  /** Set when it may be what kept others from being stored. */
  isAlone: boolean
}

interface Agent {
  agentId: string
  waiting: Waiting[]
  isBusy: boolean
}

// BatchWrite's limit. More agents, or more events than are folded in a moment, go into the next commit.
const agentsPerCommitMax = 500
const eventsPerCommitMax = 5000
// While these are under way, deliveries gather: the busier the instance, the larger its commits.
const commitsAtOnceMax = 2
// Contention ends soon, or is beyond what waiting here can solve; an outage is given a few seconds. After that the
// platform delivers again, later.
const contention = { attemptsMax: 50, delayMsMax: 200 }
const outage = { attemptsMax: 8, delayMsMax: 2000 }

/**
 * Group commit. Deliveries that an instance holds at the same time are grouped by agent: one read and one write per
 * agent, all agents of a commit together. A delivery settles when its commit is stored; a conflict on one agent repeats
 * that agent alone, and one agent's failure fails its own deliveries only. What is held is bounded.
 */
export const createFoldWindow = ({ eventsMax = 50_000, bytesMax = 64 * 2 ** 20, ...options }: FoldWindowOptions) => {
  const { commit, tell } = createFoldCommit(options)
  const agents = new Map<string, Agent>()
  /** Agents with deliveries that no commit has, the longest waiting first. */
  const ready = new Set<Agent>()
  const held = { events: 0, bytes: 0 }
  let commitsUnderWay = 0
  let isScheduled = false

  /**
   * Folds events, of any agents and in any order. What each came to stands in Firestore when it resolves.
   *
   * @param bytes of the events' text
   * @throws at once, an `overload`, while the window is full
   */
  const submitAll = async (deliveries: readonly Delivery[], bytes: number): Promise<FoldResult[]> => {
    if (deliveries.length === 0) return []
    // However large the first is, it is taken.
    if (held.events > 0 && (held.events + deliveries.length > eventsMax || held.bytes + bytes > bytesMax))
      throw overload(`${held.events} events of ${held.bytes} bytes are being folded`)
    held.events += deliveries.length
    held.bytes += bytes
    return new Promise((settle) => {
      const submission: Submission = { results: [], open: deliveries.length, bytes, settle }
      deliveries.forEach((delivery, index) =>
        agentOf(delivery.event.agentId).waiting.push({ delivery, submission, index, attempts: 0, isAlone: false }),
      )
      schedule()
    })
  }

  /** One event of `submitAll`. */
  const submit = async (delivery: Delivery): Promise<Verdict> => {
    const [result] = await submitAll([delivery], delivery.raw.length)
    if (result?.status !== 'fulfilled') throw result?.reason
    return result.value
  }

  const settle = ({ submission, index }: Waiting, result: FoldResult) => {
    submission.results[index] = result
    submission.open--
    if (submission.open > 0) return
    held.events -= submission.results.length
    held.bytes -= submission.bytes
    submission.settle(submission.results)
  }
  const fail = (waiting: readonly Waiting[], reason: unknown) => {
    for (const one of waiting) settle(one, { status: 'rejected', reason })
  }

  const agentOf = (agentId: string): Agent => {
    const known = agents.get(agentId)
    const agent = known ?? { agentId, waiting: [], isBusy: false }
    if (!known) agents.set(agentId, agent)
    if (!agent.isBusy) ready.add(agent)
    return agent
  }

  const free = (agent: Agent) => {
    agent.isBusy = false
    if (agent.waiting.length > 0) ready.add(agent)
    else agents.delete(agent.agentId)
  }

  // Deliveries that arrive in one turn of the event loop share a commit.
  const schedule = () => {
    if (isScheduled || ready.size === 0 || commitsUnderWay === commitsAtOnceMax) return
    isScheduled = true
    setImmediate(() => {
      isScheduled = false
      void run(take())
      schedule()
    })
  }

  const take = (): Map<Agent, Waiting[]> => {
    const taken = new Map<Agent, Waiting[]>()
    let events = 0
    for (const agent of ready) {
      if (taken.size === agentsPerCommitMax || events >= eventsPerCommitMax) break
      const firstAlone = agent.waiting.findIndex(({ isAlone }) => isAlone)
      const waiting = agent.waiting.splice(0, firstAlone === -1 ? agent.waiting.length : Math.max(1, firstAlone))
      ready.delete(agent)
      agent.isBusy = true
      taken.set(agent, waiting)
      events += waiting.length
    }
    return taken
  }

  const run = async (taken: ReadonlyMap<Agent, Waiting[]>) => {
    commitsUnderWay++
    const shares = [...taken].map(([{ agentId }, waiting]) => ({
      agentId,
      deliveries: waiting.map(({ delivery }) => delivery),
    }))
    const { done, failures } = await commit(shares).then(
      (committed) => ({ done: committed, failures: committed.failures }),
      (error: unknown) => ({ done: undefined, failures: new Map(shares.map(({ agentId }) => [agentId, error])) }),
    )
    commitsUnderWay--
    for (const [agent, waiting] of taken) {
      free(agent)
      if (failures.has(agent.agentId)) again(agent.agentId, waiting, failures.get(agent.agentId))
    }
    schedule()
    if (!done) return
    const waitingOf = new Map([...taken].map(([{ agentId }, waiting]) => [agentId, waiting]))
    try {
      await tell(done)
      for (const { agentId, verdicts } of done.stored)
        waitingOf
          .get(agentId)
          ?.forEach((one, index) => settle(one, { status: 'fulfilled', value: verdicts[index] ?? 'observed' }))
    } catch (error) {
      for (const { agentId } of done.stored) fail(waitingOf.get(agentId) ?? [], error)
    }
  }

  const again = (agentId: string, waiting: readonly Waiting[], error: unknown) => {
    const attempts = Math.max(...waiting.map((one) => one.attempts)) + 1
    const enqueue = (isAlone: boolean) => {
      agentOf(agentId).waiting.push(...waiting.map((one) => ({ ...one, attempts, isAlone: one.isAlone || isAlone })))
      schedule()
    }
    // One of several cannot be stored: apart, the others can.
    if (isTerminal(error) && waiting.length > 1) return enqueue(true)
    // An agent that is gone was erased since it was read: it begins anew. What an outage did is seen by reading again.
    const patience = isContention(error) || isAbsence(error) ? contention : isPassing(error) ? outage : undefined
    if (!patience || attempts >= patience.attemptsMax) return fail(waiting, error)
    setTimeout(() => enqueue(false), Math.random() * Math.min(patience.delayMsMax, 10 * 2 ** attempts))
  }

  return { submitAll, submit }
}
