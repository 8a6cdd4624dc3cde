import { eventAgeDaysMax, topicRetentionDays, type Erasure, type ErasureRequest } from '@infinity-matrix/contracts'

/**
 * Between two passes. By then no function still holds what it read before the first one, what was on its way to the archive
 * has arrived, and whoever keeps heartbeats has forgotten an agent that left (3,600 s).
 */
export const settleSeconds = 4200

/** Late events are looked out for until none can be young enough to be accepted, however late it is delivered. */
export const lookedOutForDays = eventAgeDaysMax + topicRetentionDays + 1

const instant = (ms: number) => new Date(ms).toISOString()

export const beginErasure = (id: string, { tenant, agentId }: ErasureRequest, nowMs: number): Erasure => ({
  id,
  tenant,
  requestedAt: instant(nowMs),
  passes: 0,
  lastPassAt: null,
  deleted: {},
  state: { status: 'erasing', agentId, dueAt: instant(nowMs) },
})

export const isDue = ({ state }: Erasure, nowMs: number): boolean =>
  state.status === 'erasing' && Date.parse(state.dueAt) <= nowMs

/**
 * After everything was gone through once more. An erasure is at its end when a pass that began after things had settled
 * found nothing; what a pass finds, the next one looks for again.
 *
 * @param deleted in this pass, by place
 */
export const afterPass = (erasure: Erasure, deleted: Readonly<Record<string, number>>, nowMs: number): Erasure => {
  const { state } = erasure
  if (state.status !== 'erasing') return erasure
  const total = Object.values(deleted).reduce((sum, count) => sum + count, 0)
  const places = new Set([...Object.keys(erasure.deleted), ...Object.keys(deleted)])
  return {
    ...erasure,
    passes: erasure.passes + 1,
    lastPassAt: instant(nowMs),
    deleted: Object.fromEntries(
      [...places].map((place) => [place, (erasure.deleted[place] ?? 0) + (deleted[place] ?? 0)]),
    ),
    state:
      erasure.passes > 0 && total === 0
        ? { status: 'erased', erasedAt: instant(nowMs) }
        : { ...state, dueAt: instant(nowMs + settleSeconds * 1000) },
  }
}

/** An event of an erased agent came late: what it left, in the archive at least, is to go too. */
export const afterLateEvent = (erasure: Erasure, agentId: ErasureRequest['agentId'], nowMs: number): Erasure =>
  erasure.state.status === 'erasing'
    ? erasure
    : { ...erasure, state: { status: 'erasing', agentId, dueAt: instant(nowMs + settleSeconds * 1000) } }

/** Whether a text names an agent: its id, and not as a part of another one. */
export const mentions = (text: string, agentId: string): boolean =>
  new RegExp(`(?<![A-Za-z0-9._:-])${agentId.replaceAll('.', String.raw`\.`)}(?![A-Za-z0-9_:-])`).test(text)
