import { setTimeout as delay } from 'node:timers/promises'
import {
  compareAgents,
  parquetArchive,
  type Archive,
  type Comparison,
  type EventFilter,
} from '@infinity-matrix/archive'
import { archiveTables } from '@infinity-matrix/contracts'
import type { ControlPlane, WholeAgent } from '../control-plane.ts'

/** What a comparison of the archive with what is stored came to. */
export interface Verified {
  /** Stored, archived or both. */
  agents: number
  equal: number
  different: number
  /** Stored, and not in the archive. */
  missing: number
  /** In the archive, and not stored. */
  unstored: number
  events: number
  /** The first agents that are not equal, each with what differs. */
  faults: string[]
}

// What was just published is in the archive within seconds, and in the store as well.
const settleSecondsUsual = 60
const pauseMs = 1000
const faultsTold = 20

/** The archive of reports: in the files that are named, or where the suite has them. Empty while there is none. */
export const archiveOf = (controlPlane: Pick<ControlPlane, 'archiveFiles'>, files?: string): Archive => ({
  async *events(filter) {
    const found = files ?? (await controlPlane.archiveFiles(archiveTables.stateChanges))
    if (found !== undefined) yield* parquetArchive(found).events(filter)
  },
})

/**
 * Rebuilds every agent from the archive and compares it with what is stored. Agents that are not equal are looked at again
 * for a while, until the store has all that the archive had at first and the archive all that the store has.
 */
export const verify = async (
  archive: Archive,
  stored: (agentIds?: ReadonlySet<string>) => AsyncIterable<WholeAgent> | Iterable<WholeAgent>,
  filter: EventFilter = {},
  { settleSecondsMax = settleSecondsUsual } = {},
): Promise<Verified> => {
  let [agents, events] = [0, 0]
  const open = new Map<string, Comparison>()
  for await (const comparison of compareAgents(archive, stored(), filter)) {
    agents++
    events += comparison.events
    if (comparison.differences.length > 0 || comparison.unseen) open.set(comparison.agentId, comparison)
  }
  // What the archive had at first, the store must come to have.
  const toReach = new Map([...open].map(([agentId, { unseen }]) => [agentId, unseen?.to ?? 0]))
  const giveUpAt = performance.now() + settleSecondsMax * 1000
  while (open.size > 0 && performance.now() < giveUpAt) {
    await delay(pauseMs)
    const agentIds = new Set(open.keys())
    for await (const again of compareAgents(archive, stored(agentIds), { ...filter, agentIds })) {
      const isReached = !again.unseen || again.unseen.from > (toReach.get(again.agentId) ?? 0)
      if (again.differences.length === 0 && isReached) open.delete(again.agentId)
      else open.set(again.agentId, again)
    }
  }
  const faults = [...open.values()]
  const count = (fault: string) => faults.filter(({ differences }) => differences.includes(fault)).length
  const [missing, unstored] = [count('not archived'), count('not stored')]
  return {
    agents,
    equal: agents - faults.length,
    different: faults.length - missing - unstored,
    missing,
    unstored,
    events,
    faults: faults.slice(0, faultsTold).map(describe),
  }
}

const describe = ({ agentId, differences, unseen }: Comparison): string => {
  const notSeen = unseen ? [`sequence ${unseen.from} is archived and not stored`] : []
  return `${agentId}: ${[...differences, ...notSeen].join(', ')}`
}
