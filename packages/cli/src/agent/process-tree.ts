import pidtree from 'pidtree'
import pidusage, { type Status } from 'pidusage'

export interface ProcessUse {
  /** Of one core. */
  cpuPercent: number
  memoryBytes: number
}

/** What a process and all that it started use now; undefined when it is gone, or when this machine does not say. */
export const processTreeUse = async (pid: number): Promise<ProcessUse | undefined> => {
  try {
    // Without `ps` there is no tree, and the process stands for itself.
    const pids = await pidtree(pid, { root: true }).catch(() => [pid])
    // One that ended meanwhile has none.
    const useOfPid: Record<string, Status | null> = await pidusage(pids)
    const uses = Object.values(useOfPid).filter((use) => use !== null)
    if (uses.length === 0) return undefined
    const sum = (values: number[]) => values.reduce((total, value) => total + value, 0)
    return {
      cpuPercent: Math.round(sum(uses.map(({ cpu }) => cpu)) * 10) / 10,
      memoryBytes: sum(uses.map(({ memory }) => memory)),
    }
  } catch {
    return undefined
  }
}
