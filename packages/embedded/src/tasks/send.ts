import type { IncomingMessage } from 'node:http'
import https from 'node:https'
import { http } from '../wire/node-http.ts'
import { Code } from '../wire/status-error.ts'
import type { Outcome } from './outcome.ts'
import type { TargetRequest } from './target-request.ts'

/** In ms from now; seconds or a date, https://www.rfc-editor.org/rfc/rfc9110#field.retry-after */
const parseRetryAfter = (value: string | undefined): number | undefined => {
  if (value === undefined) return undefined
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now()
  return ms > 0 ? ms : undefined
}

const answered = ({ statusCode = 0, headers }: IncomingMessage): Outcome => {
  const retryAfterMs = parseRetryAfter(headers['retry-after'])
  return { kind: 'answered', status: statusCode, ...(retryAfterMs !== undefined && { retryAfterMs }) }
}

/** Sends requests to targets, over connections that are kept. Redirects are not followed, as in production. */
export class Sender {
  readonly #http = new http.Agent({ keepAlive: true })
  readonly #https = new https.Agent({ keepAlive: true })

  /** Never rejects. The deadline is counted in real time, whatever time tests step: it is the target's own. */
  send(request: TargetRequest): Promise<Outcome> {
    return this.#send(request, AbortSignal.timeout(request.deadlineMs))
  }

  close(): void {
    this.#http.destroy()
    this.#https.destroy()
  }

  #send(given: TargetRequest, signal: AbortSignal): Promise<Outcome> {
    const { method, url, body, deadlineMs } = given
    const headers = { ...given.headers, ...(body.length > 0 && { 'content-length': body.length }) }
    return new Promise((resolve) => {
      const failed = (error: Error & { code?: string }): void => {
        if (signal.aborted) {
          const message = `no answer within ${deadlineMs / 1000} s`
          resolve({ kind: 'unanswered', code: Code.DEADLINE_EXCEEDED, message })
        } else if (request.reusedSocket && error.code === 'ECONNRESET') {
          // The target had given up a connection that was kept: no fault of the task's.
          resolve(this.#send(given, signal))
        } else resolve({ kind: 'unanswered', code: Code.UNAVAILABLE, message: error.message })
      }
      const taken = (response: IncomingMessage): void => {
        response.on('error', failed)
        response.on('end', () => resolve(answered(response)))
        response.resume()
      }
      const request = url.startsWith('https:')
        ? https.request(url, { method, headers, agent: this.#https, signal }, taken)
        : http.request(url, { method, headers, agent: this.#http, signal }, taken)
      request.on('error', failed)
      request.end(body.length > 0 ? body : undefined)
    })
  }
}
