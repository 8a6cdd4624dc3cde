import type { Bucket, SaveOptions } from '@google-cloud/storage'
import { ledgerRetentionDaysMin } from '@infinity-matrix/contracts'

/** An object as it stands there now. */
export interface StoredObject {
  bytes: Uint8Array
  /** Each write of an object has another one. */
  generation: string
}

/** Objects by their paths, as the files of an exported log. */
export interface Objects {
  read: (path: string) => Promise<StoredObject | undefined>
  /** Writes what never changes, unless something stands there. @returns whether nothing did */
  create: (path: string, bytes: Uint8Array) => Promise<boolean>
  /** Writes what changes, over what was read before. @returns false where it is not what stands there any more */
  replace: (path: string, bytes: Uint8Array, before: StoredObject | undefined) => Promise<boolean>
}

export interface BucketOptions {
  /** So long nobody can delete or change what is created, not even its owner. */
  retentionDays: number
  nowMs: () => number
}

const NOT_FOUND = 404
const PRECONDITION_FAILED = 412
// Every write has a precondition, so that a second try of one whose answer was lost does no harm.
const nothing = '0'

const codeOf = (error: unknown): unknown =>
  typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined

const contentTypeOf = (path: string): string => {
  if (path.startsWith('tile/')) return 'application/octet-stream'
  return path.endsWith('.json') ? 'application/json' : 'text/plain; charset=utf-8'
}

/**
 * A bucket of Cloud Storage. It must have object retention enabled, which only its making can do.
 *
 * @throws RangeError where anything of the ledger could go too early
 * @see https://cloud.google.com/storage/docs/object-lock, https://cloud.google.com/storage/docs/request-preconditions
 */
export const createBucketObjects = (bucket: Bucket, { retentionDays, nowMs }: BucketOptions): Objects => {
  if (retentionDays < ledgerRetentionDaysMin)
    throw new RangeError(`LEDGER_RETENTION_DAYS must be at least ${ledgerRetentionDaysMin}, and is ${retentionDays}`)

  const write = async (path: string, bytes: Uint8Array, ifGenerationMatch: string, more: SaveOptions['metadata']) => {
    try {
      await bucket.file(path).save(Buffer.from(bytes), {
        resumable: false,
        preconditionOpts: { ifGenerationMatch },
        metadata: { contentType: contentTypeOf(path), ...more },
      })
      return true
    } catch (error) {
      if (codeOf(error) === PRECONDITION_FAILED) return false
      throw error
    }
  }

  return {
    read: async (path) => {
      try {
        const [metadata] = await bucket.file(path).getMetadata()
        const generation = String(metadata.generation)
        const [bytes] = await bucket.file(path, { generation }).download()
        return { bytes, generation }
      } catch (error) {
        if (codeOf(error) === NOT_FOUND) return undefined
        throw error
      }
    },
    create: (path, bytes) => {
      const retainUntilTime = new Date(nowMs() + retentionDays * 86_400_000).toISOString()
      return write(path, bytes, nothing, { retention: { mode: 'Locked', retainUntilTime } })
    },
    replace: (path, bytes, before) =>
      write(path, bytes, before?.generation ?? nothing, { cacheControl: 'public, max-age=60' }),
  }
}
