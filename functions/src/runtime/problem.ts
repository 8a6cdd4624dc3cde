import { STATUS_CODES } from 'node:http'
import { problemMediaType, type ProblemDetails } from '@infinity-matrix/contracts'

type Described = Omit<ProblemDetails, 'type' | 'title' | 'status'> & { type?: string }

/** Thrown by a route, and answered as it says. */
export class RequestProblem extends Error {
  readonly code = 'request-problem'
  readonly details: ProblemDetails
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, described: Described = {}, headers: Readonly<Record<string, string>> = {}) {
    const details = { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, ...described }
    super(details.detail ?? details.title)
    this.details = details
    this.headers = headers
  }
}

export const isRequestProblem = (error: unknown): error is RequestProblem =>
  error instanceof Error && 'code' in error && error.code === 'request-problem'

/** The request cannot be served now, though it may be in a moment. */
export const unavailable = (detail: string, retryAfterSeconds: number) =>
  new RequestProblem(503, { detail }, { 'retry-after': String(retryAfterSeconds) })

/** What is sent for a problem. */
export const problemAnswer = ({ details, headers }: RequestProblem) => ({
  status: details.status,
  headers: { ...headers, 'content-type': problemMediaType, 'x-content-type-options': 'nosniff' },
  body: JSON.stringify(details),
})

export const problemResponse = (problem: RequestProblem): Response => {
  const { body, ...init } = problemAnswer(problem)
  return new Response(body, init)
}
