import type { RetryPolicy } from './backoff.ts'
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
  schedule?: { schedule?: string; timeZone?: string | null; retryConfig?: RetryConfig | null }
}

/** As firebase-functions writes it into the manifest; null stands for the default. */
interface RetryConfig {
  retryCount?: number | null
  maxRetrySeconds?: number | null
  minBackoffSeconds?: number | null
  maxBackoffSeconds?: number | null
  maxDoublings?: number | null
  /** The same, as 1st-generation functions have it. */
  maxRetryDuration?: string | null
  minBackoffDuration?: string | null
  maxBackoffDuration?: string | null
}

const msOf = (seconds: number | null | undefined, duration: string | null | undefined, otherwise: number): number =>
  (seconds ?? (duration ? Number.parseFloat(duration) : otherwise)) * 1000

// https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs#RetryConfig
const retryOf = (config: RetryConfig): RetryPolicy => ({
  maxAttempts: (config.retryCount ?? 0) + 1,
  maxRetryMs: msOf(config.maxRetrySeconds, config.maxRetryDuration, 0),
  minBackoffMs: msOf(config.minBackoffSeconds, config.minBackoffDuration, 5),
  maxBackoffMs: msOf(config.maxBackoffSeconds, config.maxBackoffDuration, 3600),
  maxDoublings: config.maxDoublings ?? 5,
})

const scheduleOf = ({ name, schedule }: Trigger): Schedule => {
  const retry = schedule?.retryConfig && retryOf(schedule.retryConfig)
  return {
    name,
    schedule: schedule?.schedule ?? '',
    ...(schedule?.timeZone && { timeZone: schedule.timeZone }),
    ...(retry && (retry.maxAttempts > 1 || retry.maxRetryMs > 0) && { retry }),
  }
}

/** What Cloud Scheduler posts to a 2nd-generation function. */
const httpRequest = (name: string, scheduledMs: number): RequestInit => ({
  headers: {
    'content-type': 'application/json',
    'user-agent': 'Google-Cloud-Scheduler',
    'x-cloudscheduler': 'true',
    'x-cloudscheduler-jobname': `firebase-schedule-${name}`,
    'x-cloudscheduler-scheduletime': new Date(scheduledMs).toISOString(),
  },
  body: '{}',
})

/** What a 1st-generation function gets: the event of the message that Cloud Scheduler publishes to its topic. */
const messageEvent = (name: string, scheduledMs: number): RequestInit => ({
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({
    context: {
      eventId: crypto.randomUUID(),
      resource: { service: 'pubsub.googleapis.com', name: `projects/-/topics/firebase-schedule-${name}` },
      eventType: 'google.pubsub.topic.publish',
      timestamp: new Date(scheduledMs).toISOString(),
    },
    data: { data: '', attributes: { scheduled: 'true' } },
  }),
})

/**
 * The scheduled functions of the suite's functions emulator, which loads them but never fires them. They are called over
 * HTTP at the emulator's own path for triggers, which answers when the function has ended.
 */
export const suiteFunctions = (emulatorHost: string): ScheduledFunctions => {
  const origin = `http://${emulatorHost}`
  let triggers = new Map<string, Trigger>()
  // The emulator counts reloads in the names of its triggers and does not tell the count but in its 404.
  let generation = 0

  return {
    async list() {
      const response = await fetch(`${origin}/backends`)
      const { backends } = (await response.json()) as { backends: { functionTriggers: Trigger[] }[] }
      const scheduled = backends.flatMap(({ functionTriggers }) =>
        functionTriggers.filter((one) => one.schedule?.schedule),
      )
      triggers = new Map(scheduled.map((trigger) => [trigger.name, trigger]))
      return scheduled.map(scheduleOf)
    },
    async fire(name, scheduledMs) {
      const { id = name, platform } = triggers.get(name) ?? {}
      const request = platform === 'gcfv1' ? messageEvent(name, scheduledMs) : httpRequest(name, scheduledMs)
      const call = (): Promise<Response> =>
        fetch(`${origin}/functions/projects/-/triggers/${id}-${generation}`, { ...request, method: 'POST' })
      let response = await call()
      if (response.status === 404) {
        const known = (await response.text()).matchAll(/([\w-]+)-(\d+)(?=,|$)/g)
        const generations = [...known].filter((match) => match[1] === id).map((match) => Number(match[2]))
        generation = Math.max(generation, ...generations)
        response = await call()
      }
      const body = await response.text()
      if (!response.ok) throw new Error(`the function answered ${response.status}: ${body.slice(0, 500)}`)
    },
  }
}
