import { Code } from '../../wire/status-error.ts'

// google.rpc.Code, https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto
const HTTP_STATUS: Record<Code, number> = {
  [Code.OK]: 200,
  [Code.CANCELLED]: 499,
  [Code.UNKNOWN]: 500,
  [Code.INVALID_ARGUMENT]: 400,
  [Code.DEADLINE_EXCEEDED]: 504,
  [Code.NOT_FOUND]: 404,
  [Code.ALREADY_EXISTS]: 409,
  [Code.PERMISSION_DENIED]: 403,
  [Code.RESOURCE_EXHAUSTED]: 429,
  [Code.FAILED_PRECONDITION]: 400,
  [Code.ABORTED]: 409,
  [Code.OUT_OF_RANGE]: 400,
  [Code.UNIMPLEMENTED]: 501,
  [Code.INTERNAL]: 500,
  [Code.UNAVAILABLE]: 503,
  [Code.DATA_LOSS]: 500,
  [Code.UNAUTHENTICATED]: 401,
}

export const httpStatus = (code: Code): number => HTTP_STATUS[code]

const nameOf = (code: Code): string => Object.entries(Code).find(([, value]) => value === code)?.[0] ?? 'UNKNOWN'

/** An error as Google's REST APIs have it in JSON. */
export const errorObject = (code: Code, message: string): object => ({
  error: { code: httpStatus(code), message, status: nameOf(code) },
})

/** The body of an error, with slashes escaped, as Google's emulator has them. */
export const errorText = (code: Code, message: string): string =>
  JSON.stringify(errorObject(code, message)).replaceAll('/', '\\/')
