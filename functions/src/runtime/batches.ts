import type { protos } from '@google-cloud/firestore-api'
import type { grpc } from 'google-gax'
import { isTerminal } from './failure.ts'
import { decodeFields, encodeFields, numberOf, type PlainFields } from './firestore-values.ts'
import { firestoreEmulatorHost } from './params.ts'

/** When a document was last written, as Firestore told: a precondition for the next write. */
export type UpdateTime = protos.google.protobuf.ITimestamp

export const millisOf = ({ seconds, nanos }: UpdateTime): number =>
  numberOf(seconds ?? 0) * 1000 + Math.floor((nanos ?? 0) / 1e6)

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

/** As gRPC sends it; protobufjs writes into a buffer of Node's. */
const bytesOf = ({ buffer, byteOffset, byteLength }: Uint8Array): Buffer => Buffer.from(buffer, byteOffset, byteLength)

/**
 * The two calls, over the channel and with the credentials of the client that Google generates. Its own methods wrap each
 * stream twice, and make two objects of each message; no retries: whoever lost, or does not know, reads again first, which a
 * retry of the same request cannot.
 */
const openCalls = async () => {
  const [{ FirestoreClient }, { default: messages }, gax] = await Promise.all([
    import('@google-cloud/firestore-api/client_v1'),
    import('@google-cloud/firestore-api/protos'),
    import('google-gax'),
  ])
  const emulatorHost = firestoreEmulatorHost()
  const client = new FirestoreClient(emulatorHost === undefined ? {} : localOptions(emulatorHost, gax))
  const { BatchGetDocumentsRequest, BatchGetDocumentsResponse, BatchWriteRequest, BatchWriteResponse } =
    messages.google.firestore.v1
  // Both are asked for at the first call: they may take requests of their own.
  let opened: Promise<{ stub: grpc.Client; metadata: grpc.Metadata; database: string }> | undefined
  const open = async () => {
    const [stub, project]: [unknown, string] = await Promise.all([client.initialize(), client.getProjectId()])
    if (!(stub instanceof gax.grpc.Client)) throw new TypeError('the client of Firestore has no channel')
    const database = `projects/${project}/databases/(default)`
    const metadata = new gax.grpc.Metadata()
    metadata.set('x-goog-request-params', gax.routingHeader.fromParams({ database }))
    if (emulatorHost !== undefined) metadata.set('authorization', 'Bearer owner')
    return { stub, metadata, database }
  }
  const ready = () =>
    (opened ??= open().catch((error: unknown) => {
      opened = undefined
      throw error
    }))
  const deadline = () => ({ deadline: Date.now() + timeoutMs })

  return {
    database: async () => (await ready()).database,
    batchGet: async (
      request: protos.google.firestore.v1.IBatchGetDocumentsRequest,
      each: (response: protos.google.firestore.v1.IBatchGetDocumentsResponse) => void,
    ): Promise<void> => {
      const { stub, metadata } = await ready()
      const call = stub.makeServerStreamRequest(
        '/google.firestore.v1.Firestore/BatchGetDocuments',
        (one: typeof request) => bytesOf(BatchGetDocumentsRequest.encode(one).finish()),
        (bytes) => BatchGetDocumentsResponse.decode(bytes),
        request,
        metadata,
        deadline(),
      )
      return new Promise((resolve, reject) => {
        call.on('data', each).on('error', reject).on('end', resolve)
      })
    },
    batchWrite: async (
      request: protos.google.firestore.v1.IBatchWriteRequest,
    ): Promise<protos.google.firestore.v1.IBatchWriteResponse> => {
      const { stub, metadata } = await ready()
      return new Promise((resolve, reject) => {
        stub.makeUnaryRequest(
          '/google.firestore.v1.Firestore/BatchWrite',
          (one: typeof request) => bytesOf(BatchWriteRequest.encode(one).finish()),
          (bytes) => BatchWriteResponse.decode(bytes),
          request,
          metadata,
          deadline(),
          (error, response) => (error || !response ? reject(error ?? new Error('no response')) : resolve(response)),
        )
      })
    },
    close: () => client.close(),
  }
}

/**
 * BatchGetDocuments and BatchWrite. `BulkWriter` sends 20 writes a request, and `WriteBatch` binds all to the weakest.
 *
 * @see https://firebase.google.com/docs/firestore/reference/rpc/google.firestore.v1#batchwriterequest
 */
export const openBatches = async (): Promise<Batches> => {
  const calls = await openCalls()

  const readAll: Batches['readAll'] = async (paths) => {
    const database = await calls.database()
    const documents = paths.map((path) => `${database}/documents/${path}`)
    const found = new Map<string, StoredDocument>()
    await calls.batchGet({ database, documents }, ({ found: document }) => {
      if (document?.name && document.updateTime)
        found.set(document.name, { fields: decodeFields(document.fields), updateTime: document.updateTime })
    })
    return documents.map((name) => found.get(name))
  }

  const send = async (
    database: string,
    writes: readonly protos.google.firestore.v1.IWrite[],
  ): Promise<PromiseSettledResult<UpdateTime>[]> => {
    try {
      const { status, writeResults } = await calls.batchWrite({ database, writes: [...writes] })
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
    const database = await calls.database()
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

  return { readAll, writeAll, close: calls.close }
}
