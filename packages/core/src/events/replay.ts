import type { DeadLetterReplay, DeadLetterReplayRequest } from '@infinity-matrix/contracts'

type Position = NonNullable<DeadLetterReplay['position']>

export interface ReplayedPage {
  replayed: number
  skipped: number
  /** Of its last letter; null when there was none. */
  position: Position | null
  isLast: boolean
}

/** @param total how many letters the filter matches; `now` in UTC with milliseconds */
export const beginReplay = (
  id: string,
  request: DeadLetterReplayRequest,
  total: number,
  now: string,
): DeadLetterReplay => ({
  id,
  ...request,
  state: { status: 'running' },
  total,
  replayed: 0,
  skipped: 0,
  position: null,
  createdAt: now,
  updatedAt: now,
})

/** A replay after one more page of its letters. One that was aborted meanwhile keeps what was done, and stays aborted. */
export const advanceReplay = (replay: DeadLetterReplay, page: ReplayedPage, now: string): DeadLetterReplay => ({
  ...replay,
  replayed: replay.replayed + page.replayed,
  skipped: replay.skipped + page.skipped,
  position: page.position ?? replay.position,
  state: page.isLast && replay.state.status === 'running' ? { status: 'completed', at: now } : replay.state,
  updatedAt: now,
})

/** Ends a replay; one that has ended stays as it is. */
export const abortReplay = (replay: DeadLetterReplay, now: string): DeadLetterReplay =>
  replay.state.status === 'running' ? { ...replay, state: { status: 'aborted', at: now }, updatedAt: now } : replay
