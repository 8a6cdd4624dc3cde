import { Sealed, sealedPathsOf, storage, type collections } from '@infinity-matrix/contracts'
import { valueAt, withValueAt } from '@infinity-matrix/core/field-paths'
import { decrypt, encrypt } from './aead.ts'
import { once, type Context } from './context.ts'
import { tenantKeys, type TenantKeysOf } from './tenant-keys.ts'

/** Where a document stands, and whose it is. */
export interface Place {
  collection: keyof typeof collections
  id: string
  tenant: string
}

type Document = Readonly<Record<string, unknown>>

const pathsOf = once((_: undefined) => new Map<string, string[]>())

/** The fields of a collection's documents that are sealed, as their classes say. */
export const sealedFields = (collection: keyof typeof collections): readonly string[] => {
  const kept = storage[collection]
  const known = pathsOf(undefined)
  const paths = known.get(collection) ?? (kept && kept.plain === undefined ? sealedPathsOf(kept.schema) : [])
  known.set(collection, paths)
  return paths
}

/**
 * Seals fields of documents one by one (envelope encryption): AES-256-GCM under the tenant's data key, bound to tenant,
 * document and field, so that a value that is moved elsewhere does not open.
 */
export const createProtection = (keys: Pick<TenantKeysOf, 'newest' | 'ofVersion'>) => {
  const bound = ({ tenant, collection, id }: Place, path: string, version: number) =>
    JSON.stringify([tenant, `${collection}/${id}`, path, version])

  /** A document as it is stored: its protected fields, where it has them, are sealed. What is sealed already stays. */
  const seal = async (place: Place, document: Document): Promise<Document> => {
    const plain = sealedFields(place.collection).filter((path) => {
      const value = valueAt(document, path)
      return value !== undefined && value !== null && !Sealed.safeParse(value).success
    })
    if (plain.length === 0) return document
    const { version, key } = await keys.newest(place.tenant)
    return plain.reduce((sealing, path) => {
      const text = Buffer.from(JSON.stringify(valueAt(document, path)))
      const sealed = encrypt(key, text, bound(place, path, version)).toString('base64url')
      return withValueAt(sealing, path, { keyVersion: version, sealed } satisfies Sealed)
    }, document)
  }

  /** What `seal` made, read back; fields that were stored before they were protected stand in it as they are. */
  const open = async (place: Place, stored: Document): Promise<Document> => {
    let opened = stored
    for (const path of sealedFields(place.collection)) {
      const sealed = Sealed.safeParse(valueAt(stored, path))
      if (!sealed.success) continue
      const { keyVersion, sealed: text } = sealed.data
      const { key } = await keys.ofVersion(place.tenant, keyVersion)
      const plain = decrypt(key, Buffer.from(text, 'base64url'), bound(place, path, keyVersion))
      opened = withValueAt(opened, path, JSON.parse(plain.toString('utf8')))
    }
    return opened
  }

  /** Whether each protected field that it has is sealed with this version, or a later one. */
  const isSealedWith = ({ collection }: Pick<Place, 'collection'>, stored: Document, version: number): boolean =>
    sealedFields(collection).every((path) => {
      const value = valueAt(stored, path)
      if (value === undefined || value === null) return true
      const sealed = Sealed.safeParse(value)
      return sealed.success && sealed.data.keyVersion >= version
    })

  return { seal, open, isSealedWith }
}

export type Protection = ReturnType<typeof createProtection>

/** The protection of this instance. */
export const protection = once((context: Context) => createProtection(tenantKeys(context)))
