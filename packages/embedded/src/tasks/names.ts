import { invalidArgument } from './errors.ts'

const LOCATION = /^projects\/[A-Za-z0-9\-:.]+\/locations\/[A-Za-z0-9-]+$/
const QUEUE_ID = /^[A-Za-z0-9-]{1,100}$/
const TASK_ID = /^[A-Za-z0-9_-]{1,500}$/

/** Splits a name at its last collection: `parent/collection/id`. */
const splitAt = (collection: string, name: string): [parent: string, id: string] | undefined => {
  const at = name.lastIndexOf(`/${collection}/`)
  return at < 0 ? undefined : [name.slice(0, at), name.slice(at + collection.length + 2)]
}

export const checkLocation = (name: string): void => {
  if (!LOCATION.test(name)) throw invalidArgument('Invalid resource field value in the request.')
}

/** Throws INVALID_ARGUMENT unless `name` is `projects/{project}/locations/{location}/queues/{queue}`. */
export const checkQueueName = (name: string): void => {
  const [location = '', id = ''] = splitAt('queues', name) ?? []
  if (!LOCATION.test(location) || !QUEUE_ID.test(id)) {
    throw invalidArgument(
      'Queue name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/queues/<QUEUE_ID>".',
    )
  }
}

/** The queue and the id of a task's name. Throws INVALID_ARGUMENT when it is not one. */
export const parseTaskName = (name: string): { queue: string; id: string } => {
  const [queue = '', id = ''] = splitAt('tasks', name) ?? []
  const [location = '', queueId = ''] = splitAt('queues', queue) ?? []
  if (!LOCATION.test(location) || !QUEUE_ID.test(queueId)) {
    throw invalidArgument(
      'Task name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/queues/<QUEUE_ID>/tasks/<TASK_ID>"',
    )
  }
  if (!TASK_ID.test(id)) {
    throw invalidArgument(
      `Task ID "${id}" can contain only letters ([A-Za-z]), numbers ([0-9]), hyphens (-), or underscores (_). Task ID must between 1 and 500 characters.`,
    )
  }
  return { queue, id }
}

export const lastSegment = (name: string): string => name.slice(name.lastIndexOf('/') + 1)

export const locationOf = (queue: string): string => splitAt('queues', queue)?.[0] ?? ''
