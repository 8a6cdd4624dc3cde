import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'

export interface Disorder {
  /** Seeds a shuffle of the whole stream; undefined keeps each agent's order. */
  shuffleSeed?: number | undefined
  /** Of the events, this share is sent twice: from 0 to 1. */
  duplicateFraction?: number
}

const grain = 1_000_000

/** One event of each agent in turn, as a fleet of agents at work would report. */
const inTurns = <T>(histories: readonly (readonly T[])[]): T[] => {
  const longest = Math.max(0, ...histories.map(({ length }) => length))
  return Array.from({ length: longest }, (_, turn) =>
    histories.flatMap((history) => history.slice(turn, turn + 1)),
  ).flat()
}

/** The order in which histories are published; the same arguments give the same order. */
export const publishOrder = <T>(
  histories: readonly (readonly T[])[],
  { shuffleSeed, duplicateFraction = 0 }: Disorder = {},
): T[] => {
  const random = xoroshiro128plus(shuffleSeed ?? 0)
  const stream = inTurns(histories).flatMap((event) =>
    uniformInt(random, 1, grain) <= duplicateFraction * grain ? [event, event] : [event],
  )
  if (shuffleSeed === undefined) return stream
  // Fisher and Yates.
  for (let i = stream.length - 1; i > 0; i--) {
    const j = uniformInt(random, 0, i)
    const [a, b] = [stream[i], stream[j]] as [T, T]
    stream[i] = b
    stream[j] = a
  }
  return stream
}
