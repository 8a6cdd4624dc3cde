import type { Platform } from '../platform/platform.ts'
import type { Random } from '../random.ts'

/** Kills function processes when as many messages are acknowledged as it has drawn. */
export interface Killer {
  readonly kills: number
  /** Kills whatever is due, if a process is at work. */
  watch: (acknowledged: number) => void
}

export const createKiller = (platform: Platform, random: Random, count: number, messageCount: number): Killer => {
  const due = Array.from({ length: count }, () => random.int(0, messageCount - 1)).toSorted((a, b) => a - b)
  let kills = 0
  return {
    get kills() {
      return kills
    },
    watch(acknowledged) {
      const at = due[kills]
      if (at === undefined || at > acknowledged) return
      const [first, ...rest] = [...platform.deliveries].filter(([, log]) => log.underWay > 0).map(([id]) => id)
      if (first === undefined) return
      if (platform.services.get(random.pick([first, ...rest]))?.kill(random.int(0, 99))) kills++
    },
  }
}
