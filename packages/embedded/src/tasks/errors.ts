import { Code, StatusError } from '../wire/status-error.ts'

// The texts are production's, as recorded by https://github.com/aertje/cloud-tasks-emulator (conformance/golden) and by
// issue trackers.

export const invalidArgument = (details: string): StatusError => new StatusError(Code.INVALID_ARGUMENT, details)

export const noSuchQueue = (): StatusError =>
  new StatusError(
    Code.NOT_FOUND,
    'Queue does not exist. If you just created the queue, wait at least a minute for the queue to initialize.',
  )

export const noSuchEntity = (): StatusError => new StatusError(Code.NOT_FOUND, 'Requested entity was not found.')

export const taskEnded = (): StatusError =>
  new StatusError(
    Code.NOT_FOUND,
    'The task no longer exists, though a task with this name existed recently. The task either successfully completed or was deleted.',
  )

export const queueExists = (): StatusError => new StatusError(Code.ALREADY_EXISTS, 'Queue already exists')

export const queueExistedRecently = (): StatusError =>
  new StatusError(
    Code.FAILED_PRECONDITION,
    'The queue cannot be created because a queue with this name existed too recently.',
  )

export const taskExists = (): StatusError => new StatusError(Code.ALREADY_EXISTS, 'Requested entity already exists')

export const taskExistedRecently = (): StatusError =>
  new StatusError(
    Code.ALREADY_EXISTS,
    'The task cannot be created because a task with this name existed too recently. For more information about task de-duplication see https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks/create#body.request_body.FIELDS.task.',
  )
