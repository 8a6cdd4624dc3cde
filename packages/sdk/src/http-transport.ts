import {
  IngestAnswer,
  ingestEventsMax,
  ingestPath,
  linesMediaType,
  messageBytesMax,
  messageText,
} from '@infinity-matrix/contracts'
import ky from 'ky'
import type { Transport } from './transport.ts'

export interface HttpTransportOptions {
  /** Where the control plane is, such as `https://fleet-ingest-abc123-uc.a.run.app`. */
  origin: string
  /** Asked for at each try, since tokens expire: `{ authorization: 'Bearer ...' }`. */
  headers?: () => Promise<Record<string, string>> | Record<string, string>
  /** Prefer answers that come when events stand in state, and wait so long for them: outcomes then have verdicts. */
  waitSeconds?: number
  /** How often a request is sent again that failed for a passing reason. */
  retriesMax?: number
  /** Pauses before a retry grow up to this, at random, unless the server names one. */
  backoffMsMax?: number
  timeoutSeconds?: number
  fetch?: typeof globalThis.fetch
}

// Neither is about events, but the answer holds what became of each.
const noneAccepted = 422
const passingStatuses = [408, 429, 500, 502, 503, 504]

/** Sends batches to `POST /v1/events`. Sending one again is harmless: reports are folded once. */
export const createHttpTransport = ({
  origin,
  headers = () => ({}),
  waitSeconds,
  retriesMax = 8,
  backoffMsMax = 10_000,
  timeoutSeconds = 60,
  fetch,
}: HttpTransportOptions): Transport => {
  const addHeaders = async ({ request }: { request: Request }) => {
    for (const [name, value] of Object.entries(await headers())) request.headers.set(name, value)
  }
  const client = ky.create({
    ...(fetch ? { fetch } : {}),
    headers: { 'content-type': linesMediaType, ...(waitSeconds ? { prefer: `wait=${waitSeconds}` } : {}) },
    timeout: timeoutSeconds * 1000,
    throwHttpErrors: (status) => status !== noneAccepted,
    retry: {
      limit: retriesMax,
      methods: ['post'],
      statusCodes: passingStatuses,
      afterStatusCodes: [429, 503],
      backoffLimit: backoffMsMax,
      maxRetryAfter: backoffMsMax,
      jitter: true,
      retryOnTimeout: true,
    },
    hooks: { beforeRequest: [addHeaders], beforeRetry: [addHeaders] },
  })
  const url = origin.replace(/\/$/, '') + ingestPath
  return {
    // One request is one message.
    bytesMax: messageBytesMax,
    eventsMax: ingestEventsMax,
    send: async (batch) => {
      const response = await client.post(url, { body: messageText(batch.map(({ text }) => text)) })
      const { results } = IngestAnswer.parse(await response.json())
      if (results.length !== batch.length)
        throw new Error(`the answer has ${results.length} results for ${batch.length} events`)
      return results
    },
  }
}
