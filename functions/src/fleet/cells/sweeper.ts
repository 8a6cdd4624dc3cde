import { setTimeout as delay } from 'node:timers/promises'
import { createShard, decodeVoices, silenceEvent, type Shard, type SilenceEvent } from '@infinity-matrix/core/fleet'
import type { DocumentReference } from '@google-cloud/firestore'
import { isLeaseLost, type HeldLease, type Leases } from '../../runtime/lease.ts'
import { log } from '../../runtime/log.ts'
import type { CellStore, PulseCursor, StoredPulse } from './store.ts'

export interface SweeperOptions {
  store: CellStore
  leases: Leases
  /** Publishes a silence, or the end of one; resolves when it is published. */
  tell: (event: SilenceEvent) => Promise<void>
  /** Unique among all sweepers. */
  holder: string
  nowMs: () => number
}

/** A shard under this sweeper's lease. */
interface Watched {
  shard: Shard
  held: HeldLease
  renewedAt: number
  /** Pulses that are not in the digests yet, and when each was heard. */
  pulses: { ref: DocumentReference; heardAt: number }[]
}

const leaseSeconds = 15
const renewSeconds = 5
const acquirePauseMs = 500

/** Watches some shards: hears their pulses, tells silences, and stores each cell's digest once in an interval. */
export const createSweeper = ({ store, leases, tell, holder, nowMs }: SweeperOptions) => {
  let watched: Watched[] = []
  let cursor: PulseCursor

  /** Takes what leases of shards it can get until `untilMs`, and loads their cells. */
  const start = async (shards: readonly number[], untilMs: number): Promise<void> => {
    const held = new Map<number, HeldLease>()
    for (;;) {
      await Promise.all(
        shards
          .filter((shard) => !held.has(shard))
          .map(async (shard) => {
            const lease = await leases.acquire(`fleet-sweep-${shard}`, holder, leaseSeconds)
            if (lease) held.set(shard, lease)
          }),
      )
      if (held.size === shards.length || nowMs() >= untilMs) break
      await delay(acquirePauseMs)
    }
    watched = await Promise.all([...held].map(([index, lease]) => load(index, lease)))
  }

  const load = async (index: number, held: HeldLease): Promise<Watched> => {
    const shard = createShard(index)
    const now = nowMs() / 1000
    shard.load(await store.loadCells(index), now)
    shard.forget(now)
    return { shard, held, renewedAt: now, pulses: [] }
  }

  /**
   * One sweep. What it decides holds as of the moment before it asks for pulses, however long the rest takes: later heartbeats
   * can only be missing from a view that is older than they are. A sweep that fails is made up for by the next one.
   */
  const sweep = async (): Promise<void> => {
    if (watched.length === 0) return
    const now = nowMs() / 1000
    const read = await store.pulsesAfter(
      watched.map(({ shard }) => shard.shard),
      cursor,
    )
    cursor = read.cursor
    for (const pulse of read.arrived) hear(pulse, now)
    const swept = await Promise.allSettled(watched.map((of) => sweepShard(of, now)))
    watched = watched.filter((_, index) => swept[index]?.status === 'rejected' || swept[index]?.value)
    throwFirst(swept)
  }

  const hear = ({ ref, pulse }: StoredPulse, now: number): void => {
    const of = watched.find(({ shard }) => shard.shard === pulse.shard)
    if (!of) return
    const refused = of.shard.hear(decodeVoices(pulse), now)
    if (refused > 0) log.error('a cell has no room, and cannot be divided', { refused, shard: pulse.shard })
    of.pulses.push({ ref, heardAt: now })
  }

  /** @returns whether the shard is still this sweeper's */
  const sweepShard = async (of: Watched, now: number): Promise<boolean> => {
    try {
      if (now - of.renewedAt >= renewSeconds) {
        of.held = await leases.renew(of.held, leaseSeconds)
        of.renewedAt = now
      }
      await tellSilences(of, now)
      await save(of, now, 'due')
      return true
    } catch (error) {
      if (!isLeaseLost(error)) throw error
      log.warn('another sweeper took over', { shard: of.shard.shard })
      return false
    }
  }

  const tellSilences = async ({ shard, held }: Watched, now: number): Promise<void> => {
    const news = shard.silences(now)
    if (news.length === 0) return
    // Who lost the lease before it asked for pulses may have missed some that the next holder deleted since.
    await leases.commit(held, () => undefined)
    await Promise.all(news.map((one) => tell(silenceEvent(one))))
    shard.noteTold(news, now)
  }

  const save = async (of: Watched, now: number, which: 'due' | 'told'): Promise<void> => {
    const { shard, held } = of
    const saves = shard.toStore(now, which)
    await store.saveCells(held, saves)
    shard.noteStored(saves)
    const before = shard.storedBefore()
    const obsolete = shard.obsolete()
    const stored = of.pulses.filter(({ heardAt }) => heardAt < before)
    await store.deleteAll(held, [...stored.map(({ ref }) => ref), ...obsolete.flatMap(store.cellRefs)])
    shard.noteDeleted(obsolete)
    of.pulses = of.pulses.filter(({ heardAt }) => heardAt >= before)
  }

  /** Gives its shards back. What was told is stored as told, so that the next sweeper does not tell it again; pulses hold the rest. */
  const stop = async (): Promise<void> => {
    const now = nowMs() / 1000
    const stopped = await Promise.allSettled(
      watched.map(async (of) => {
        await save(of, now, 'told')
        await leases.release(of.held)
      }),
    )
    watched = []
    throwFirst(stopped)
  }

  /** Agents, and capabilities, that it watches. */
  const size = () => watched.reduce((sum, { shard }) => shard.cells().reduce((of, cell) => of + cell.size(), sum), 0)

  return { start, sweep, stop, size, shards: () => watched.map(({ shard }) => shard.shard) }
}

/** Of what is all done, throws the first failure. */
const throwFirst = (results: readonly PromiseSettledResult<unknown>[]): void => {
  for (const result of results) if (result.status === 'rejected') throw result.reason
}
