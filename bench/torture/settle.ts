import { setTimeout as delay } from 'node:timers/promises'
import { collections, topics } from '@infinity-matrix/contracts'
import type { Platform } from '../platform/platform.ts'
import type { AgentHistory } from './history.ts'
import { listen } from './listeners.ts'
import type { Publisher } from './publisher.ts'

const pauseMs = 25
const quietMs = 500

/** Whether nothing moved for so long that it never will. */
const isStuck = (platform: Platform, idleSecondsMax: number) => {
  const lastAtMs = Math.max(...[...platform.deliveries.values()].map((log) => log.lastAtMs))
  return performance.now() - lastAtMs > idleSecondsMax * 1000
}

/**
 * Waits until every message that was published is acknowledged, and calls `each` meanwhile.
 *
 * @returns false when nothing moved for `idleSecondsMax`
 */
export const drained = async (
  platform: Platform,
  publisher: Publisher,
  { idleSecondsMax, each }: { idleSecondsMax: number; each: () => void },
): Promise<boolean> => {
  while (publisher.acknowledged < publisher.published) {
    if (isStuck(platform, idleSecondsMax)) return false
    each()
    await delay(pauseMs)
  }
  return true
}

/** Answers for agents whose report was lost for good: asked for a snapshot, they send it. */
export const answerResyncs = (platform: Platform, publisher: Publisher, histories: readonly AgentHistory[]) => {
  const answers = new Map(
    histories.flatMap(({ agentId, reports, missing }) =>
      missing === undefined ? [] : [[agentId, reports.at(-1)] as const],
    ),
  )
  return listen(platform.pubsub, topics.realtimeSync.name, ({ data }) => {
    const { type, subject } = JSON.parse(data.toString('utf8')) as { type?: string; subject?: string }
    const snapshot =
      type === 'agent.resync-requested.v1' ? answers.get(subject?.slice('agents/'.length) ?? '') : undefined
    if (snapshot)
      void publisher.publish({ topic: topics.stateChanges.name, data: Buffer.from(JSON.stringify(snapshot)) })
  })
}

const openGaps = async ({ firestore }: Platform): Promise<number> => {
  const gaps = firestore.collection(collections.agents).where('hasGap', '==', true).count()
  return (await gaps.get()).data().count
}

/** Sweeps until no agent has a gap and nothing is on its way, or until nothing moves. */
export const gapsClosed = async (
  platform: Platform,
  publisher: Publisher,
  { idleSecondsMax, sweepSeconds }: { idleSecondsMax: number; sweepSeconds: number },
): Promise<boolean> => {
  const isQuiet = () =>
    publisher.acknowledged === publisher.published &&
    [...platform.deliveries.values()].every(
      (log) => log.unacknowledged === 0 && performance.now() - log.lastAtMs > quietMs,
    )
  let [known, changedAt] = ['', performance.now()]
  for (;;) {
    const open = await openGaps(platform)
    if (open === 0 && isQuiet()) return true
    const now = `${open} ${publisher.acknowledged}`
    if (now !== known) [known, changedAt] = [now, performance.now()]
    if (performance.now() - changedAt > idleSecondsMax * 1000) return false
    await platform.tick('fleet-sweepGaps')
    await delay(sweepSeconds * 1000)
  }
}

/** Waits until a set has all of these, or until nothing came to it for `idleSecondsMax`. */
export const grownTo = async (
  grown: ReadonlySet<string>,
  wanted: readonly string[],
  idleSecondsMax: number,
): Promise<void> => {
  let [size, changedAt] = [grown.size, performance.now()]
  while (!wanted.every((one) => grown.has(one)) && performance.now() - changedAt < idleSecondsMax * 1000) {
    await delay(pauseMs)
    if (grown.size !== size) [size, changedAt] = [grown.size, performance.now()]
  }
}
