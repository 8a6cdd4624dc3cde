import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'

/** The same seed draws the same numbers. */
export interface Random {
  /** A whole number; both ends are drawn. */
  int: (min: number, max: number) => number
  /** True for this share of the draws, from 0 to 1. */
  chance: (share: number) => boolean
  pick: <T>(items: readonly [T, ...T[]]) => T
}

const grain = 1_000_000

export const createRandom = (seed: number): Random => {
  const generator = xoroshiro128plus(seed)
  const int = (min: number, max: number) => uniformInt(generator, min, max)
  return {
    int,
    chance: (share) => int(0, grain - 1) < share * grain,
    pick: (items) => items[int(0, items.length - 1)] ?? items[0],
  }
}
