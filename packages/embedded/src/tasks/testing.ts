import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { CloudTasksClient } from '@google-cloud/tasks'
import { credentials } from '@grpc/grpc-js'
import { onTestFinished } from 'vitest'
import { startTasksEngine, type TasksEngine, type TasksEngineOptions } from './engine.ts'

// Otherwise Google's client looks for the metadata server of a cloud machine, for seconds.
process.env['METADATA_SERVER_DETECTION'] = 'none'

export const LOCATION = 'projects/demo-test/locations/us-central1'
export const QUEUE = `${LOCATION}/queues/work`

/** One request as a target got it. */
export interface Received {
  method: string
  path: string
  headers: IncomingHttpHeaders
  body: string
}

/** What a target answers to its n-th request (0, 1, ..): a status, or one with headers, once it is known. */
export type Answers = (
  index: number,
  received: Received,
) => number | { status: number; headers: Record<string, string> } | Promise<number>

export interface Target {
  url: string
  received: Received[]
  /** Resolves with the requests as soon as there are so many. */
  until(count: number): Promise<Received[]>
}

/** An HTTP server that tasks are sent to, stopped when the test is over. */
export const startTarget = async (answers: Answers = () => 200): Promise<Target> => {
  const received: Received[] = []
  const waiting: { count: number; resolve: (all: Received[]) => void }[] = []
  const server = createServer((request, response) => {
    const answer = async (): Promise<void> => {
      const body = (await buffer(request)).toString()
      const one = { method: request.method ?? '', path: request.url ?? '', headers: request.headers, body }
      const index = received.push(one) - 1
      for (const { count, resolve } of waiting) if (received.length >= count) resolve(received)
      const given = await answers(index, one)
      const { status, headers } = typeof given === 'number' ? { status: given, headers: {} } : given
      response.writeHead(status, headers).end('answer')
    }
    void answer()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/handler`,
    received,
    until: (count) =>
      new Promise((resolve) => {
        if (received.length >= count) resolve(received)
        else waiting.push({ count, resolve })
      }),
  }
}

/** An engine on a free port and Google's client for it, both stopped when the test is over. */
export const startBench = async (
  options: TasksEngineOptions = {},
): Promise<{ engine: TasksEngine; client: CloudTasksClient }> => {
  const engine = await startTasksEngine(options)
  const client = new CloudTasksClient({
    apiEndpoint: engine.host,
    port: engine.port,
    sslCreds: credentials.createInsecure(),
  })
  onTestFinished(async () => {
    await client.close()
    await engine.close()
  })
  return { engine, client }
}
