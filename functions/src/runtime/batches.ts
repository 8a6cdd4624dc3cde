import type { protos } from '@google-cloud/firestore-api'
import { isTerminal } from './failure.ts'
import { decodeFields, encodeFields, type PlainFields } from './firestore-values.ts'
import { firestoreEmulatorHost } from './params.ts'

/** When a document was last written, as Firestore told: a precondition for the next write. */
export type UpdateTime = protos.google.protobuf.ITimestamp

export const millisOf = ({ seconds, nanos }: UpdateTime): number =>
  Number(seconds ?? 0) * 1000 + Math.floor((nanos ?? 0) / 1e6)

export interface StoredDocument {
  fields: Record<string, unknown>
  updateTime: UpdateTime
}

/**
 * A write under the precondition that nobody else wrote since `after`; without it, that there is no document.
 * `fieldPaths` are the fields to write, of those that `fields` lacks are taken away; without them the document is
 * replaced.
 */
export interface ConditionalWrite {
  /** From the root, such as `agents/a`. */
  path: string
  fields: PlainFields
  fieldPaths?: readonly string[]
  after?: UpdateTime
}

/** Many documents in one request each way, no document bound to another. */
export interface Batches {
  /** In the order of the paths; undefined where there is no document. */
  readAll: (paths: readonly string[]) => Promise<(StoredDocument | undefined)[]>
  /** One result for each write: when Firestore made it, or, rejected, the status of that write as `code`. */
  writeAll: (writes: readonly ConditionalWrite[]) => Promise<PromiseSettledResult<UpdateTime>[]>
  close: () => Promise<void>
}

/** Of one BatchWrite. */
const writesMax = 500
/** Of one request: 10 MiB, less what the estimate of a document's size does not see. */
const requestBytesMax = 9 * 2 ** 20
// Of one request. Whoever asks may have died long before the client's own five minutes are over.
const timeoutMs = 10_000

const localOptions = (host: string, { grpc }: typeof import('google-gax')) => ({
  servicePath: host.slice(0, host.lastIndexOf(':')),
  port: Number(host.slice(host.lastIndexOf(':') + 1)),
  sslCreds: grpc.credentials.createInsecure(),
})

/**
 * BatchGetDocuments and BatchWrite over the client that Google generates, which `Firestore` itself uses. Its `BulkWriter`
 * sends 20 writes a request, and `WriteBatch` binds all to the weakest.
 *
 * @see https://firebase.google.com/docs/firestore/reference/rpc/google.firestore.v1#batchwriterequest
 */
export const openBatches = async (): Promise<Batches> => {
  const [{ FirestoreClient }, gax] = await Promise.all([
    import('@google-cloud/firestore-api/client_v1'),
    import('google-gax'),
  ])
  const emulatorHost = firestoreEmulatorHost()
  const client = new FirestoreClient(emulatorHost === undefined ? {} : localOptions(emulatorHost, gax))
  const options = {
    timeout: timeoutMs,
    // Whoever lost or does not know reads again first, which a retry of the same request cannot.
    retry: gax.createRetryOptions([], gax.createDefaultBackoffSettings()),
    ...(emulatorHost === undefined ? {} : { otherArgs: { headers: { Authorization: 'Bearer owner' } } }),
  }
  // Asked for at the first request: it may take a request of its own.
  let project: Promise<string> | undefined
  const databaseName = async () => `projects/${await (project ??= client.getProjectId())}/databases/(default)`

  const readAll: Batches['readAll'] = async (paths) => {
    const database = await databaseName()
    const documents = paths.map((path) => `${database}/documents/${path}`)
    return new Promise((resolve, reject) => {
      const found = new Map<string, StoredDocument>()
      client
        .batchGetDocuments({ database, documents }, options)
        .on('data', ({ found: document }: protos.google.firestore.v1.IBatchGetDocumentsResponse) => {
          if (document?.name && document.updateTime)
            found.set(document.name, { fields: decodeFields(document.fields), updateTime: document.updateTime })
        })
        .on('error', reject)
        .on('end', () => resolve(documents.map((name) => found.get(name))))
    })
  }

  const send = async (
    database: string,
    writes: readonly protos.google.firestore.v1.IWrite[],
  ): Promise<PromiseSettledResult<UpdateTime>[]> => {
    try {
      const [{ status, writeResults }] = await client.batchWrite({ database, writes: [...writes] }, options)
      return writes.map((_, index) => {
        const { code, message } = status?.[index] ?? {}
        return code
          ? { status: 'rejected', reason: Object.assign(new Error(message ?? ''), { code }) }
          : { status: 'fulfilled', value: writeResults?.[index]?.updateTime ?? {} }
      })
    } catch (error) {
      // One write that is no write has the whole request refused: it is found by halves.
      if (isTerminal(error) && writes.length > 1) {
        const half = writes.length >> 1
        return [...(await send(database, writes.slice(0, half))), ...(await send(database, writes.slice(half)))]
      }
      return writes.map(() => ({ status: 'rejected', reason: error }))
    }
  }

  const writeAll: Batches['writeAll'] = async (writes) => {
    const database = await databaseName()
    const requests: protos.google.firestore.v1.IWrite[][] = []
    let bytes = 0
    for (const { path, fields: plain, fieldPaths, after } of writes) {
      const { fields, bytesMax } = encodeFields(plain)
      const last = requests.at(-1)
      const write = {
        update: { name: `${database}/documents/${path}`, fields },
        ...(fieldPaths ? { updateMask: { fieldPaths: [...fieldPaths] } } : {}),
        currentDocument: after ? { updateTime: after } : { exists: false },
      }
      if (last && last.length < writesMax && bytes + bytesMax <= requestBytesMax) last.push(write)
      else {
        requests.push([write])
        bytes = 0
      }
      bytes += bytesMax
    }
    return (await Promise.all(requests.map((request) => send(database, request)))).flat()
  }

  return { readAll, writeAll, close: () => client.close() }
}
