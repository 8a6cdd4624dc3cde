// What the functions do with heartbeats, without Firestore and Pub/Sub: through the functions of core that they call.
import type { PulseDocument } from '@infinity-matrix/contracts'
import {
  agentOfKey,
  createPulseGatherer,
  createShard,
  decodeVoices,
  shardCount,
  voicesOf,
  type Heartbeat,
  type SilenceNews,
} from '@infinity-matrix/core/fleet'
import { allowedPerSecond, carry, newKeyRange } from '@infinity-matrix/core/ramp'

/** Writes to a range of keys, judged by Firestore's ramp as the governor knows it. */
const createRange = () => {
  let ramp = newKeyRange(0)
  let [total, peakPerSecond, worstShare] = [0, 0, 0]
  const write = (count: number, perSeconds: number, second: number) => {
    ramp = carry(ramp, count, second * 1000)
    total += count
    peakPerSecond = Math.max(peakPerSecond, count / perSeconds)
    worstShare = Math.max(worstShare, count / perSeconds / allowedPerSecond(ramp))
  }
  return { write, figures: () => ({ total, peakPerSecond, worstShare }) }
}
type Range = ReturnType<typeof createRange>

export interface ControlPlaneOptions {
  /** Of `fleet-onHeartbeat`: heartbeats come to them at random. */
  instances: number
  /** Which instance gets the next heartbeat: from 0 to 1. */
  draw: () => number
  onNews: (news: SilenceNews & { agentId: string }, now: number) => void
}

export const createControlPlane = ({ instances, draw, onNews }: ControlPlaneOptions) => {
  const gatherers = Array.from({ length: instances }, () => createPulseGatherer())
  const shards = Array.from({ length: shardCount }, (_, shard) => ({
    shard: createShard(shard),
    arrived: [] as PulseDocument[],
    // When pulses that are still stored were heard, and how many at once.
    stored: [] as { heardAt: number; count: number }[],
  }))
  const ranges: Record<'pulses' | 'digests' | 'cells', Range> = {
    pulses: createRange(),
    digests: createRange(),
    cells: createRange(),
  }
  // The index by which sweepers find pulses grows at its end, in each shard.
  const pulseIndexes = shards.map(() => createRange())
  let [digestBytesMax, digestBytes, digests, rosterBytesMax, pulseBytes, pulseDeletes] = [0, 0, 0, 0, 0, 0]

  const hear = (heartbeat: Heartbeat, publishedAtMs: number) => {
    const gatherer = gatherers[Math.floor(draw() * instances)]
    for (const voice of voicesOf(heartbeat, publishedAtMs)) gatherer?.add(voice)
  }

  /** The windows of all instances end: what each holds becomes its pulses. */
  const commitPulses = (second: number) => {
    const pulses = gatherers.flatMap((gatherer) => gatherer.take())
    ranges.pulses.write(pulses.length, 1, second)
    for (const pulse of pulses) {
      pulseBytes += pulse.roster.length + pulse.kindOf.length + pulse.heardAt.length + pulse.leftAt.length
      shards[pulse.shard]?.arrived.push(pulse)
    }
    for (const [index, range] of pulseIndexes.entries())
      range.write(pulses.filter(({ shard }) => shard === index).length, 1, second)
  }

  const sweep = (second: number, now: number, periodSeconds: number) => {
    let [digestWrites, cellWrites] = [0, 0]
    for (const of of shards) {
      const { shard } = of
      for (const pulse of of.arrived) shard.hear(decodeVoices(pulse), now)
      of.stored.push({ heardAt: now, count: of.arrived.length })
      of.arrived = []
      const news = shard.silences(now)
      for (const one of news) onNews({ ...one, agentId: agentOfKey(one.key) }, now)
      shard.noteTold(news, now)
      const saves = shard.toStore(now)
      for (const { cell, digest } of saves) {
        const bytes = digest.heardAt.length + digest.leftAt.length + digest.toldHeardAt.length + digest.toldAt.length
        digestBytesMax = Math.max(digestBytesMax, bytes)
        digestBytes += bytes
        digests++
        digestWrites++
        if (!cell) continue
        rosterBytesMax = Math.max(rosterBytesMax, cell.roster.length + cell.kindOf.length)
        cellWrites++
      }
      shard.noteStored(saves)
      const obsolete = shard.obsolete()
      digestWrites += obsolete.length
      cellWrites += obsolete.length
      shard.noteDeleted(obsolete)
      const before = shard.storedBefore()
      pulseDeletes += of.stored.reduce((sum, { heardAt, count }) => (heardAt < before ? sum + count : sum), 0)
      of.stored = of.stored.filter(({ heardAt }) => heardAt >= before)
    }
    ranges.digests.write(digestWrites, periodSeconds, second)
    ranges.cells.write(cellWrites, periodSeconds, second)
  }

  const cellSizes = (): Map<string, number> =>
    new Map(shards.flatMap(({ shard }) => shard.cells().map((cell) => [cell.prefix, cell.size()] as const)))

  const figures = () => ({
    ranges: Object.fromEntries(Object.entries(ranges).map(([name, range]) => [name, range.figures()])) as Record<
      keyof typeof ranges,
      ReturnType<Range['figures']>
    >,
    pulseIndexShare: Math.max(...pulseIndexes.map((range) => range.figures().worstShare)),
    pulseDeletes,
    pulseBytes,
    digestBytesMax,
    digestBytesMean: digestBytes / Math.max(1, digests),
    rosterBytesMax,
  })

  return { hear, commitPulses, sweep, cellSizes, figures }
}
