import { fold, type Folded, type Recording, type RefusedReport } from '@infinity-matrix/core/fleet'
import type { FoldedAgent, Share } from './folded-agent.ts'
import type { AgentStore, LoadedAgent } from './store.ts'
import type { Windows } from './windows.ts'

export interface FoldCommitOptions {
  store: AgentStore
  /** Keeps what can never be applied; called before the agent that has moved past it is stored. */
  refuse: (refused: RefusedReport) => Promise<void>
  /**
   * Passes on what agents did, at least once: where it fails, or the instance dies, the events are delivered again, as
   * duplicates, and it is called with those. For agents whose parked reports were released, which are not delivered
   * again, it is called before the commit, and after it for all others.
   */
  distribute: (folded: readonly FoldedAgent[]) => Promise<void>
  /** The ledger's part: see `createWindows`. Without it nothing is recorded, which is for measuring what it costs. */
  windows?: Windows
  /** Called with all that a commit did, before its deliveries settle. */
  report: (folded: readonly FoldedAgent[]) => Promise<void>
  nowMs: () => number
}

interface Commit {
  recording: Recording | undefined
  stored: FoldedAgent[]
  failures: Map<string, unknown>
}

/** One attempt to fold deliveries of several agents: one read and one write of each, all agents together. */
export const createFoldCommit = ({ store, refuse, distribute, windows, report, nowMs }: FoldCommitOptions) => {
  /** Returns what is stored now, and by agent why the rest is not. */
  const commit = async (shares: readonly Share[]): Promise<Commit> => {
    const recording = windows?.open()
    const failures = new Map<string, unknown>()
    const isWhole = ({ agentId }: Share) => !failures.has(agentId)
    const attempt = async (ofShares: readonly Share[], work: () => Promise<unknown>) => {
      try {
        await work()
      } catch (error) {
        for (const { agentId } of ofShares) failures.set(agentId, error)
      }
    }

    const loaded = await store.load(shares.map(({ agentId }) => agentId))
    const startedMs = nowMs()
    const folded: (FoldedAgent & Pick<Folded, 'agent' | 'changed' | 'refused'> & { loaded: LoadedAgent })[] = []
    shares.forEach(({ agentId, deliveries }, index) => {
      const result = loaded[index]
      if (result?.status === 'fulfilled') {
        const decided = fold(result.value.stored, deliveries, startedMs, recording)
        const [before, document] = [result.value.stored?.document, decided.agent?.document]
        folded.push({
          agentId,
          deliveries,
          ...decided,
          before,
          document,
          writtenAtMs: undefined,
          loaded: result.value,
        })
      } else failures.set(agentId, result?.reason)
    })

    const refusing = folded.filter(({ refused }) => refused.length > 0)
    await Promise.all(refusing.map((share) => attempt([share], () => Promise.all(share.refused.map(refuse)))))
    const releasing = folded.filter((share) => share.released.length > 0 && isWhole(share))
    if (releasing.length > 0) await attempt(releasing, () => distribute(releasing))
    const changes = folded.flatMap((share) =>
      share.changed && share.agent && isWhole(share)
        ? [{ agentId: share.agentId, loaded: share.loaded, next: share.agent }]
        : [],
    )
    if (changes.length === 0) return { recording, stored: folded.filter(isWhole), failures }
    const saved = await store.saveAll(changes)
    for (const [agentId, error] of saved.failures) failures.set(agentId, error)
    for (const share of folded) share.writtenAtMs = saved.writtenAtMs.get(share.agentId)
    return { recording, stored: folded.filter(isWhole), failures }
  }

  /** Tells what a commit stored. */
  const tell = async ({ recording, stored }: Commit): Promise<void> => {
    const undistributed = stored.filter(({ released }) => released.length === 0)
    await Promise.all([
      recording && windows?.record(recording, stored),
      report(stored),
      undistributed.length > 0 && distribute(undistributed),
    ])
  }

  return { commit, tell }
}
