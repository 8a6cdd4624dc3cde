import { collections, DeadLetterReplay, platformTenant, type DeadLetterReplayRequest } from '@infinity-matrix/contracts'
import { abortReplay, advanceReplay, beginReplay } from '@infinity-matrix/core/events'
import pThrottle from 'p-throttle'
import type { Context } from '../../runtime/context.ts'
import { createLeases } from '../../runtime/lease.ts'
import { recorded, recordIn, type Happening } from '../../runtime/ledger.ts'
import { isNoLetter, type Letters } from './letters.ts'

// A worker ends its turn well before its lease does; the token guards what it stores all the same.
const leaseSeconds = 60
const pageSizeMax = 100

/** Replays of many letters: each a document that says how far it is, worked on by whoever holds its lease. */
export const createReplays = (context: Context, letters: Letters) => {
  const { firestore, nowMs, newId } = context
  const replays = firestore.collection(collections.deadLetterReplays)
  const leases = createLeases(context)

  const changeOf = ({ id, filter, state, replayed, skipped }: DeadLetterReplay, action: string): Happening => ({
    kind: 'change',
    action,
    tenant: filter.tenant ?? platformTenant,
    subject: `${collections.deadLetterReplays}/${id}`,
    outcome: 'done',
    details: { status: state.status, replayed, skipped },
  })

  const begin = async (request: DeadLetterReplayRequest): Promise<DeadLetterReplay> => {
    const now = letters.now()
    const total = await letters.count(scopeOf({ ...request, createdAt: now }))
    const replay = beginReplay(newId(), request, total, now)
    await recorded(context, (transaction, record) => {
      transaction.create(replays.doc(replay.id), replay)
      record(changeOf(replay, 'replay-begun'))
    })
    return replay
  }

  const get = async (id: string): Promise<DeadLetterReplay | undefined> => {
    const snapshot = await replays.doc(id).get()
    return snapshot.exists ? DeadLetterReplay.parse(snapshot.data()) : undefined
  }

  const abort = (id: string): Promise<DeadLetterReplay | undefined> =>
    recorded(context, async (transaction, record) => {
      const snapshot = await transaction.get(replays.doc(id))
      if (!snapshot.exists) return undefined
      const aborted = abortReplay(DeadLetterReplay.parse(snapshot.data()), letters.now())
      transaction.set(snapshot.ref, aborted)
      record(changeOf(aborted, 'replay-aborted'))
      return aborted
    })

  const running = async (): Promise<DeadLetterReplay[]> => {
    const { docs } = await replays.where('state.status', '==', 'running').get()
    return docs.map((snapshot) => DeadLetterReplay.parse(snapshot.data()))
  }

  // A worker that died may have replayed letters of a page that it did not store: they are known by the replay's id.
  const replayOne = async (letterId: string, by: string): Promise<'replayed' | 'skipped'> => {
    try {
      const { decided, letter } = await letters.replay(letterId, { by })
      const { life } = letter.document
      const isOurs = life.status === 'replayed' && life.by === by
      return decided.kind === 'next' || isOurs ? 'replayed' : 'skipped'
    } catch (error) {
      if (isNoLetter(error)) return 'skipped'
      throw error
    }
  }

  /**
   * Goes on with a replay for some seconds, or to its end; does nothing while another worker is at it.
   *
   * @returns the replay as it then stands
   */
  const work = async (id: string, secondsMax: number): Promise<DeadLetterReplay | undefined> => {
    const held = await leases.acquire(`dead-letter-replay.${id}`, newId(), leaseSeconds)
    if (held === null) return get(id)
    const endMs = nowMs() + secondsMax * 1000
    try {
      let replay = await get(id)
      const perSecond = replay?.ratePerSecond ?? 1
      const throttled = pThrottle({ limit: perSecond, interval: 1000 })(replayOne)
      while (replay?.state.status === 'running' && nowMs() < endMs) {
        const limit = Math.min(pageSizeMax, perSecond)
        const page = await letters.page(scopeOf(replay), limit, replay.position)
        const done = await Promise.all(page.map((letter) => throttled(letter.id, id)))
        const replayed = done.filter((outcome) => outcome === 'replayed').length
        const last = page.at(-1)
        const worked = {
          replayed,
          skipped: done.length - replayed,
          position: last ? { id: last.id, deadAt: last.document.deadAt } : null,
          isLast: page.length < limit,
        }
        replay = await leases.commit(held, async (transaction) => {
          const current = DeadLetterReplay.parse((await transaction.get(replays.doc(id))).data())
          const next = advanceReplay(current, worked, letters.now())
          transaction.set(replays.doc(id), next)
          if (next.state.status !== 'running') recordIn(context, transaction, [changeOf(next, 'replay-ended')])
          return next
        })
      }
      return replay
    } finally {
      await leases.release(held)
    }
  }

  return { begin, get, abort, running, work }
}

/** The letters of a replay: those of its filter that were dead when it began. */
const scopeOf = ({ filter, createdAt }: Pick<DeadLetterReplay, 'filter' | 'createdAt'>) => ({
  ...filter,
  until: filter.until !== undefined && Date.parse(filter.until) < Date.parse(createdAt) ? filter.until : createdAt,
})
