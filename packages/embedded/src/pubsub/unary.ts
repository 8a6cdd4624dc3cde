import { Code, StatusError } from '../wire/status-error.ts'
import type { sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js'

/** What a client gets for an error: a fault of the engine is INTERNAL, which clients do not retry for ever. */
export const asStatus = (error: unknown): StatusError =>
  error instanceof StatusError ? error : new StatusError(Code.INTERNAL, `Engine fault: ${String(error)}`)

/** A handler of a unary call from a function that returns the response or throws a `StatusError`. */
export const unary =
  <Request>(answer: (request: Request) => object) =>
  (call: ServerUnaryCall<Request, object>, callback: sendUnaryData<object>): void => {
    let response: object
    try {
      response = answer(call.request)
    } catch (error) {
      callback(asStatus(error))
      return
    }
    callback(null, response)
  }

/** One page of a list in its own order, and the token of the next page, empty at the end. */
export const page = <T>(
  all: readonly T[],
  pageSize: number,
  pageToken: string,
): { items: T[]; nextPageToken: string } => {
  const start = Number(pageToken) || 0
  const end = start + (pageSize || all.length)
  return { items: all.slice(start, end), nextPageToken: end < all.length ? String(end) : '' }
}
