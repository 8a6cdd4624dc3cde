import { ERROR_INFO_TYPE } from './error-info.ts'
import { Code, type StatusError } from './status-error.ts'

// https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto
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

export const httpStatusOf = (code: Code): number => HTTP_STATUS[code]

/** The body of an error answer over HTTP, https://cloud.google.com/apis/design/errors#http_mapping */
export const httpErrorBody = ({ code, details, info }: Pick<StatusError, 'code' | 'details' | 'info'>): object => ({
  error: {
    code: httpStatusOf(code),
    message: details,
    status: Object.entries(Code).find(([, value]) => value === code)?.[0],
    ...(info && { details: [{ '@type': ERROR_INFO_TYPE, ...info }] }),
  },
})
