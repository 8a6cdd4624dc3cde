import { invalidArgument } from './errors.ts'

// https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names
const PROJECT = /^projects\/[^/]+$/
const RESOURCE = /^projects\/[^/]+\/(topics|subscriptions)\/([A-Za-z][A-Za-z0-9\-_.~+%]{2,254})$/

export const DELETED_TOPIC = '_deleted-topic_'

const invalidName = (name: string) =>
  invalidArgument(
    `Invalid resource name given (name=${name}). Refer to https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names for more information.`,
  )

/** Throws INVALID_ARGUMENT unless `name` is `projects/{project}/{collection}/{id}` with an id that is allowed. */
export const checkName = (collection: 'topics' | 'subscriptions', name: string): void => {
  const match = RESOURCE.exec(name)
  if (!match || match[1] !== collection || match[2]?.startsWith('goog')) throw invalidName(name)
}

export const checkProject = (name: string): void => {
  if (!PROJECT.test(name)) throw invalidName(name)
}

/** `projects/{project}` of a resource name. */
export const projectOf = (name: string): string => name.split('/', 2).join('/')
