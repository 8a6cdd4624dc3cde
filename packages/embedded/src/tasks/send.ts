import { Agent as HttpAgent, request as httpRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { Code } from '../wire/status-error.ts'
import type { Outcome } from './outcome.ts'
import type { TargetRequest } from './target-request.ts'

/** Sends requests to targets, over connections that are kept. Redirects are not followed, as in production. */
export class Sender {
  readonly #closing = new AbortController()
  readonly #agents = { 'http:': new HttpAgent({ keepAlive: true }), 'https:': new HttpsAgent({ keepAlive: true }) }

  /** Never rejects. The deadline is counted in real time, whatever time tests step: it is the target's own. */
  send({ method, url, headers, body, deadlineMs }: TargetRequest): Promise<Outcome> {
    const target = new URL(url)
    const isHttps = target.protocol === 'https:'
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(deadlineMs)])
    return new Promise((resolve) => {
      const request = (isHttps ? httpsRequest : httpRequest)(
        target,
        {
          method,
          headers: { ...headers, ...(body.length > 0 && { 'content-length': body.length }) },
          agent: this.#agents[isHttps ? 'https:' : 'http:'],
          signal,
        },
        (response) => {
          response.resume()
          // A target that has begun to answer and breaks off has not answered.
          response.on('error', unanswered)
          response.on('end', () => {
            const retryAfterMs = parseRetryAfter(response.headers['retry-after'])
            resolve({
              kind: 'answered',
              status: response.statusCode ?? 0,
              ...(retryAfterMs !== undefined && { retryAfterMs }),
            })
          })
        },
      )
      const unanswered = (error: Error): void => {
        const isLate = signal.aborted && !this.#closing.signal.aborted
        resolve(
          isLate
            ? { kind: 'unanswered', code: Code.DEADLINE_EXCEEDED, message: `no answer within ${deadlineMs / 1000} s` }
            : { kind: 'unanswered', code: Code.UNAVAILABLE, message: error.message },
        )
      }
      request.on('error', unanswered)
      request.end(body.length > 0 ? body : undefined)
    })
  }

  close(): void {
    this.#closing.abort()
    for (const agent of Object.values(this.#agents)) agent.destroy()
  }
}

/** In ms from now; seconds or a date, https://www.rfc-editor.org/rfc/rfc9110#field.retry-after */
const parseRetryAfter = (value: string | undefined): number | undefined => {
  if (value === undefined) return undefined
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now()
  return ms > 0 ? ms : undefined
}
