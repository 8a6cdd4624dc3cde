import { Client, credentials } from '@grpc/grpc-js'
import { expect, onTestFinished, test } from 'vitest'
import { startFirestoreEngine } from '../index.ts'

test.each(['BatchGetDocuments', 'RunQuery', 'RunAggregationQuery'])(
  '%s: headers come before the status of a call that failed at once',
  async (method) => {
    const firestore = await startFirestoreEngine()
    onTestFinished(() => firestore.close())
    const client = new Client(`127.0.0.1:${firestore.port}`, credentials.createInsecure())
    onTestFinished(() => client.close())
    const path = `/google.firestore.v1.Firestore/${method}`
    const call = client.makeServerStreamRequest(
      path,
      (bytes: Buffer) => bytes,
      (bytes) => bytes,
      Buffer.alloc(0),
    )
    const events: string[] = []
    call.on('metadata', () => events.push('headers'))
    call.on('error', ({ message }) => events.push(message))
    call.resume()
    await new Promise((resolve) => call.once('status', resolve))
    expect(events).toEqual(['headers', expect.stringMatching(/^3 INVALID_ARGUMENT: /)])
  },
)
