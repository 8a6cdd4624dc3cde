import type { ServiceDocument } from '@infinity-matrix/contracts'
import { nameOf } from '@infinity-matrix/core/access'
import type { z } from 'zod'
import { originOf } from '../../runtime/acting.ts'
import type { Context } from '../../runtime/context.ts'
import { recorded, type Happening } from '../../runtime/ledger.ts'

interface Kind<Service extends ServiceDocument> {
  collection: string
  schema: z.ZodType<Service>
  /** What its changes are called in the ledger: `api-key` for `api-key-revoked`. */
  name: string
}

const dayMs = 86_400_000

/** Services of one kind in Firestore, each change with its entry in the ledger. */
export const createServices = <Service extends ServiceDocument>(
  context: Context,
  { collection, schema, name }: Kind<Service>,
) => {
  const { firestore, nowMs } = context
  const documents = firestore.collection(collection)
  const now = () => new Date(nowMs()).toISOString()

  const happeningOf = (change: string, { id, tenant, scopes }: ServiceDocument): Happening => ({
    kind: 'change',
    action: `${name}-${change}`,
    tenant,
    subject: `${collection}/${id}`,
    outcome: 'done',
    details: { scopes: scopes.join(' ') },
  })

  /** What a service has in common with others, when it is made. */
  const begin = <Request extends { expiresInDays: number }>(id: string, { expiresInDays, ...asked }: Request) => ({
    id,
    ...asked,
    createdAt: now(),
    createdBy: nameOf(originOf().actor),
    expiresAt: new Date(nowMs() + expiresInDays * dayMs).toISOString(),
    revokedAt: null,
    lastUsedOn: null,
  })

  /** Stores a service, in place of the one that has its id. */
  const put = async (service: Service, change: string): Promise<void> => {
    await recorded(context, (transaction, record) => {
      transaction.set(documents.doc(service.id), service)
      record(happeningOf(change, service))
    })
  }

  const list = async (tenant: string): Promise<Service[]> => {
    const { docs } = await documents.where('tenant', '==', tenant).get()
    return docs.map((snapshot) => schema.parse(snapshot.data()))
  }

  const get = async (id: string): Promise<Service | undefined> => {
    const snapshot = await documents.doc(id).get()
    return snapshot.exists ? schema.parse(snapshot.data()) : undefined
  }

  const update = (id: string, change: string, next: (service: Service) => Service): Promise<Service> =>
    recorded(context, async (transaction, record) => {
      const after = next(schema.parse((await transaction.get(documents.doc(id))).data()))
      transaction.set(documents.doc(id), after)
      record(happeningOf(change, after))
      return after
    })

  const revoke = (id: string): Promise<Service> =>
    update(id, 'revoked', (service) => ({ ...service, revokedAt: service.revokedAt ?? now() }))

  return { begin, put, list, get, update, revoke }
}
export type Services<Service extends ServiceDocument> = ReturnType<typeof createServices<Service>>
