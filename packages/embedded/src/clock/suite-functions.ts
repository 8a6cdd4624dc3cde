import type { Schedule } from './schedule-clock.ts'

/** Where the schedules come from and who runs the functions. */
export interface ScheduledFunctions {
  list(): Promise<Schedule[]>
  fire(name: string, scheduledMs: number): Promise<void>
}

interface Trigger {
  id: string
  name: string
  platform: string
  schedule?: { schedule?: string; timeZone?: string | null }
}

/**
 * The scheduled functions of the suite's functions emulator (2nd generation), which loads them but never fires them.
 * They are called as Cloud Scheduler calls them: over HTTP, with the job's name and time in headers.
 */
export const suiteFunctions = (emulatorHost: string): ScheduledFunctions => {
  const origin = `http://${emulatorHost}`
  let ids = new Map<string, string>()
  // The emulator counts reloads in the names of its triggers and does not tell the count but in its 404.
  let generation = 0

  const call = (id: string, name: string, scheduledMs: number): Promise<Response> =>
    fetch(`${origin}/functions/projects/-/triggers/${id}-${generation}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'user-agent': 'Google-Cloud-Scheduler',
        'x-cloudscheduler': 'true',
        'x-cloudscheduler-jobname': `firebase-schedule-${name}`,
        'x-cloudscheduler-scheduletime': new Date(scheduledMs).toISOString(),
      },
      body: '{}',
    })

  return {
    async list() {
      const response = await fetch(`${origin}/backends`)
      const { backends } = (await response.json()) as { backends: { functionTriggers: Trigger[] }[] }
      const triggers = backends.flatMap(({ functionTriggers }) => functionTriggers)
      const scheduled = triggers.filter(({ schedule, platform }) => schedule?.schedule && platform === 'gcfv2')
      ids = new Map(scheduled.map(({ id, name }) => [name, id]))
      return scheduled.map(({ name, schedule }) => ({
        name,
        schedule: schedule?.schedule ?? '',
        ...(schedule?.timeZone && { timeZone: schedule.timeZone }),
      }))
    },
    async fire(name, scheduledMs) {
      const id = ids.get(name) ?? name
      let response = await call(id, name, scheduledMs)
      if (response.status === 404) {
        const known = (await response.text()).matchAll(/([\w-]+)-(\d+)(?=,|$)/g)
        const generations = [...known].filter((match) => match[1] === id).map((match) => Number(match[2]))
        generation = Math.max(generation, ...generations)
        response = await call(id, name, scheduledMs)
      }
      const body = await response.text()
      if (!response.ok) throw new Error(`the function answered ${response.status}: ${body.slice(0, 500)}`)
    },
  }
}
