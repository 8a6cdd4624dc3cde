import type { DeployedFunction } from './manifest.ts'
import { startInstance, type Answer, type IncomingRequest, type Instance, type ProcessUsage } from './instance.ts'

/** One place for an instance. What is killed in it is replaced at once. */
interface Slot {
  starting: Promise<Instance>
  instance: Instance | undefined
  inFlight: number
}

/** One function as a Cloud Run service: from no instance at the start to as many as it may have. */
export interface Service {
  readonly id: string
  readonly kills: number
  handle: (request: IncomingRequest) => Promise<Answer>
  /** Kills the instance at a place of the list, counted round; tells whether one was there. */
  kill: (index: number) => boolean
  usages: () => Promise<ProcessUsage[]>
  stop: () => Promise<void>
}

export interface ServiceOptions {
  source: string
  environment: Record<string, string>
  instancesMax: number
}

const answerOf = (status: number, text: string): Answer => ({ status, body: Buffer.from(text) })

/**
 * Starts no process before the first request. A request goes to the instance with the fewest; one that finds all of them
 * full, and no room for another, is answered 429, as Cloud Run does when its queue does not drain.
 *
 * @see https://cloud.google.com/run/docs/about-instance-autoscaling
 */
export const createService = (deployed: DeployedFunction, options: ServiceOptions): Service => {
  const { id, concurrency } = deployed
  const instancesMax = Math.min(deployed.instancesMax, options.instancesMax)
  const slots: Slot[] = []
  let kills = 0
  let isStopping = false

  const fill = (slot: Slot) => {
    slot.starting = startInstance(deployed, options)
    slot.starting.then(
      (instance) => {
        slot.instance = instance
        void instance.ended.then(() => {
          slot.instance = undefined
          if (!isStopping) fill(slot)
        })
      },
      // The requests that wait for it are told; the next one tries again.
      () => slots.splice(slots.indexOf(slot), 1),
    )
  }

  const open = () => {
    const slot: Slot = { starting: new Promise(() => {}), instance: undefined, inFlight: 0 }
    slots.push(slot)
    fill(slot)
  }

  const place = (): Slot | undefined => {
    // More than half of what the running ones take calls for another.
    const inFlight = slots.reduce((sum, slot) => sum + slot.inFlight, 0)
    if (slots.length < instancesMax && inFlight * 2 >= slots.length * concurrency) open()
    const free = slots.filter((slot) => slot.inFlight < concurrency)
    const ready = free.filter((slot) => slot.instance)
    return (ready.length > 0 ? ready : free).toSorted((a, b) => a.inFlight - b.inFlight)[0]
  }

  return {
    id,
    get kills() {
      return kills
    },
    async handle(request) {
      const slot = place()
      if (!slot) return answerOf(429, 'no instance is free')
      slot.inFlight++
      try {
        return await (await slot.starting).send(request)
      } catch (error) {
        return answerOf(503, String(error))
      } finally {
        slot.inFlight--
      }
    },
    kill(index) {
      const instance = slots.length > 0 ? slots[index % slots.length]?.instance : undefined
      if (!instance) return false
      kills++
      instance.kill()
      return true
    },
    async usages() {
      const asked = await Promise.allSettled(slots.flatMap(({ instance }) => (instance ? [instance.usage()] : [])))
      return asked.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
    },
    async stop() {
      isStopping = true
      const started = await Promise.allSettled(slots.map(({ starting }) => starting))
      await Promise.all(started.flatMap((result) => (result.status === 'fulfilled' ? [result.value.stop()] : [])))
    },
  }
}
