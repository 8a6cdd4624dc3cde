import { Metadata } from '@grpc/grpc-js'
import { errorInfoTrailers, type ErrorInfo } from './error-info.ts'

/** gRPC status codes, https://grpc.io/docs/guides/status-codes/ */
export const Code = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const
export type Code = (typeof Code)[keyof typeof Code]

// Details quote what they are about. They go in a header of HTTP/2, and one that is too long ends the connection.
const DETAILS_LENGTH_MAX = 4000

/**
 * An answer other than OK. `code`, `details` and `metadata` are what grpc-js sends to the client. Details are cut after
 * 4,000 characters.
 */
export class StatusError extends Error {
  readonly code: Code
  readonly details: string
  readonly info: ErrorInfo | undefined

  constructor(code: Code, details: string, info?: ErrorInfo) {
    const told = details.length > DETAILS_LENGTH_MAX ? `${details.slice(0, DETAILS_LENGTH_MAX)}...` : details
    super(told)
    this.code = code
    this.details = told
    this.info = info
  }

  get metadata(): Metadata {
    return this.info ? errorInfoTrailers(this.code, this.details, this.info) : new Metadata()
  }
}
