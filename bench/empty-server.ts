// The limit to measure against: servers that speak the same protocol with the same library and do nothing. They do not
// even decode a request where the answer can be the same each time.
import {
  Server,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
} from '@grpc/grpc-js'
import { listenOnOnePort, loadProtos, serviceDefinition } from '@infinity-matrix/embedded/wire'
import { createServer } from 'node:http'

const listen = (grpc: Server) =>
  listenOnOnePort({
    host: '127.0.0.1',
    port: 0,
    grpc,
    http: createServer((_request, response) => response.end('Ok\n')),
  })

/** The service with requests and answers left as bytes. */
const rawService = (root: ReturnType<typeof loadProtos>, name: string) => {
  const definition = serviceDefinition(root, name)
  const asIs = (bytes: Buffer) => bytes
  return Object.fromEntries(
    Object.entries(definition).map(([method, call]) => [
      method,
      { ...call, requestDeserialize: asIs, responseSerialize: asIs },
    ]),
  )
}

const time = { seconds: 1_700_000_000, nanos: 1000 }

export const startEmptyFirestore = async () => {
  const root = loadProtos('firestore')
  const type = (name: string) => root.lookupType(`google.firestore.v1.${name}`)
  const encoded = (name: string, message: object) =>
    Buffer.from(type(name).encode(type(name).fromObject(message)).finish())

  // A write's size tells single commits, transactions and batches of 500 apart without decoding it.
  const commitOf = (writes: number) =>
    encoded('CommitResponse', {
      writeResults: Array.from({ length: writes }, () => ({ updateTime: time })),
      commitTime: time,
    })
  const [commitOne, commitMany] = [commitOf(1), commitOf(500)]
  const batchGet = type('BatchGetDocumentsRequest')
  const batchWrite = type('BatchWriteRequest')
  const fields = { a: { integerValue: 1 }, b: { stringValue: 'two' }, c: { doubleValue: 3.5 } }
  const transaction = encoded('BatchGetDocumentsResponse', { transaction: Buffer.from('t') })

  const grpc = new Server({ 'grpc.max_receive_message_length': -1 })
  grpc.addService(rawService(root, 'google.firestore.v1.Firestore'), {
    Commit: ({ request }: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) =>
      answer(null, request.length > 10_000 ? commitMany : commitOne),
    Rollback: (_call: unknown, answer: sendUnaryData<Buffer>) => answer(null, Buffer.alloc(0)),
    BatchWrite: ({ request }: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => {
      const { writes } = batchWrite.decode(request) as unknown as { writes: unknown[] }
      const results = writes.map(() => ({ updateTime: time }))
      answer(null, encoded('BatchWriteResponse', { writeResults: results, status: writes.map(() => ({})) }))
    },
    BatchGetDocuments: (call: ServerWritableStream<Buffer, Buffer>) => {
      const { documents, newTransaction } = batchGet.decode(call.request) as unknown as {
        documents: string[]
        newTransaction: object | null
      }
      if (newTransaction) call.write(transaction)
      for (const name of documents) {
        const found = { name, fields, createTime: time, updateTime: time }
        call.write(encoded('BatchGetDocumentsResponse', { found, readTime: time }))
      }
      call.end()
    },
  })
  return listen(grpc)
}

export const startEmptyPubSub = async () => {
  const root = loadProtos('pubsub')
  const type = (name: string) => root.lookupType(`google.pubsub.v1.${name}`)
  const encoded = (name: string, message: object) =>
    Buffer.from(type(name).encode(type(name).fromObject(message)).finish())
  const publishedOf = (messages: number) =>
    encoded('PublishResponse', { messageIds: Array.from({ length: messages }, (_, index) => String(index)) })
  const [one, hundred] = [publishedOf(1), publishedOf(100)]
  const streamingRequest = type('StreamingPullRequest')
  const deliveriesPerAnswer = 100
  const data = Buffer.alloc(400, 'x')
  let nextAck = 0
  const delivery = () =>
    encoded('StreamingPullResponse', {
      receivedMessages: Array.from({ length: deliveriesPerAnswer }, () => ({
        ackId: String(nextAck++),
        message: { data, messageId: String(nextAck), publishTime: time },
      })),
    })

  const grpc = new Server({ 'grpc.max_receive_message_length': -1 })
  grpc.addService(rawService(root, 'google.pubsub.v1.Publisher'), {
    Publish: ({ request }: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) =>
      answer(null, request.length > 10_000 ? hundred : one),
  })
  grpc.addService(rawService(root, 'google.pubsub.v1.Subscriber'), {
    Acknowledge: (_call: unknown, answer: sendUnaryData<Buffer>) => answer(null, Buffer.alloc(0)),
    ModifyAckDeadline: (_call: unknown, answer: sendUnaryData<Buffer>) => answer(null, Buffer.alloc(0)),
    // Sends as fast as the connection takes it: a subscriber's flow control is its client's business here.
    StreamingPull: (call: ServerDuplexStream<Buffer, Buffer>) => {
      let isOpen = true
      const pump = () => {
        while (isOpen && call.write(delivery()));
      }
      call.once('data', (first: Buffer) => {
        streamingRequest.decode(first)
        call.on('drain', pump)
        pump()
      })
      call.on('end', () => {
        isOpen = false
        call.end()
      })
      call.on('cancelled', () => (isOpen = false))
      call.on('error', () => (isOpen = false))
    },
  })
  return listen(grpc)
}
