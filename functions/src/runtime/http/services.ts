import type { ServiceDocument } from '@infinity-matrix/contracts'
import { isInForce, serviceOf, type Method, type Principal } from '@infinity-matrix/core/access'
import { LRUCache } from 'lru-cache'
import type { z } from 'zod'
import type { Context } from '../context.ts'

// What is revoked is refused within a minute, and a service that is not known is asked for again as soon.
const knownSeconds = 30
const servicesMax = 10_000

interface Kind<Service extends ServiceDocument> {
  collection: string
  schema: z.ZodType<Service>
  method: Method
}

/** Who services of one kind are, as this instance knows them. */
export const createKnownServices = <Service extends ServiceDocument>(
  { firestore, nowMs }: Pick<Context, 'firestore' | 'nowMs'>,
  { collection, schema, method }: Kind<Service>,
) => {
  const known = new LRUCache<string, { readAtMs: number; service: Service | undefined }>({ max: servicesMax })
  const services = firestore.collection(collection)

  const read = async (id: string): Promise<Service | undefined> => {
    const cached = known.get(id)
    if (cached && nowMs() - cached.readAtMs < knownSeconds * 1000) return cached.service
    const readAtMs = nowMs()
    const snapshot = await services.doc(id).get()
    const service = snapshot.exists ? schema.parse(snapshot.data()) : undefined
    known.set(id, { readAtMs, service })
    return service
  }

  // By the day: a write for every use would be one for every request.
  const noteUse = async (service: Service, today: string): Promise<void> => {
    if (service.lastUsedOn === today) return
    service.lastUsedOn = today
    await services.doc(service.id).update({ lastUsedOn: today })
  }

  /** @returns undefined for a service that is not good, or not shown to be it */
  return async (
    id: string,
    isShown: (service: Service, now: string) => boolean = () => true,
  ): Promise<Principal | undefined> => {
    const service = await read(id)
    const now = new Date(nowMs()).toISOString()
    if (!service || !isInForce(service, now) || !isShown(service, now)) return undefined
    await noteUse(service, now.slice(0, 10))
    return serviceOf(service, method)
  }
}
