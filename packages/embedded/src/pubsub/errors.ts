import { Code, StatusError } from '../wire/status-error.ts'

// The texts are production's, as its clients' issue trackers record them.

export const invalidArgument = (details: string): StatusError => new StatusError(Code.INVALID_ARGUMENT, details)

const lastSegment = (name: string): string => name.slice(name.lastIndexOf('/') + 1)

export const notFound = (name: string): StatusError =>
  new StatusError(Code.NOT_FOUND, `Resource not found (resource=${lastSegment(name)}).`)

export const alreadyExists = (name: string): StatusError =>
  new StatusError(Code.ALREADY_EXISTS, `Resource already exists in the project (resource=${lastSegment(name)}).`)

export const outOfRange = (field: string, value: number, min: number, max: number): StatusError =>
  value < min
    ? invalidArgument(
        `The value for ${field} is too small. You passed ${value} in the request, but the minimum value is ${min}.`,
      )
    : invalidArgument(
        `The value for ${field} is too large. You passed ${value} in the request, but the maximum value is ${max}.`,
      )

/** Throws INVALID_ARGUMENT unless `min <= value <= max`. */
export const checkRange = (field: string, value: number, min: number, max: number): void => {
  if (value < min || value > max) throw outOfRange(field, value, min, max)
}

export const invalidAckDeadline = (seconds: number, minSeconds: number, maxSeconds: number): StatusError =>
  invalidArgument(
    `Invalid ack deadline given (ack_deadline=${seconds}). The ack deadline must be between ${minSeconds} and ${maxSeconds} seconds.`,
  )

export const invalidAckId = (ackId: string): StatusError =>
  invalidArgument(`You have passed an invalid ack ID to the service (ack_id=${ackId}).`)
