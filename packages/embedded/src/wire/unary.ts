import { Code, StatusError } from './status-error.ts'
import type { sendUnaryData } from '@grpc/grpc-js'

/** What a handler needs of a call: less than gRPC gives, so that a request over HTTP/1.1 can be one as well. */
export interface UnaryCall<Request> {
  readonly request: Request
  on(event: 'cancelled', listener: () => void): unknown
}

/** Answers a call. Takes a response of any kind to the callback, once. */
export type UnaryHandler<Request> = (call: UnaryCall<Request>, callback: sendUnaryData<object>) => void

/** What a client gets for an error: a fault of the engine is INTERNAL, which clients do not retry for ever. */
export const asStatus = (error: unknown): StatusError =>
  error instanceof StatusError ? error : new StatusError(Code.INTERNAL, `Engine fault: ${String(error)}`)

/** A handler of a unary call from a function that returns the response or throws a `StatusError`. */
export const unary =
  <Request>(answer: (request: Request) => object): UnaryHandler<Request> =>
  (call, callback) => {
    let response: object
    try {
      response = answer(call.request)
    } catch (error) {
      callback(asStatus(error))
      return
    }
    callback(null, response)
  }

const invalidArgument = (argument: string) =>
  new StatusError(Code.INVALID_ARGUMENT, `You have passed an invalid argument to the service (argument=${argument}).`)

/** What a request must carry. Throws INVALID_ARGUMENT. */
export const given = <T>(value: T | null, argument: string): T => {
  if (value !== null) return value
  throw invalidArgument(argument)
}

export interface PageRequest {
  /** 0 for the service's own. */
  pageSize: number
  /** Empty for the first page. */
  pageToken: string
}

const PAGE_SIZE_MAX = 1000

/**
 * One page of a list in the order of its keys, which differ from each other, and the token of the next page, empty at
 * the end. The token holds the last key, so nothing is skipped or comes twice when items go between two pages.
 */
export const page = <T>(
  all: readonly T[],
  { pageSize, pageToken }: PageRequest,
  keyOf: (item: T) => string,
): { items: T[]; nextPageToken: string } => {
  if (pageSize < 0) throw invalidArgument('page_size')
  const after = Buffer.from(pageToken, 'base64url').toString()
  if (Buffer.from(after).toString('base64url') !== pageToken) {
    throw invalidArgument('page_token')
  }
  const keyed = all.map((item) => [keyOf(item), item] as const)
  const rest = (after === '' ? keyed : keyed.filter(([key]) => key > after)).toSorted(([a], [b]) => (a < b ? -1 : 1))
  const found = rest.slice(0, Math.min(pageSize || PAGE_SIZE_MAX, PAGE_SIZE_MAX))
  const last = found.at(-1)?.[0] ?? ''
  return {
    items: found.map(([, item]) => item),
    nextPageToken: found.length < rest.length ? Buffer.from(last).toString('base64url') : '',
  }
}
