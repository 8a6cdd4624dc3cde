import { invalidArgument } from './errors.ts'

// https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names
const PROJECT = /^projects\/[^/]+$/
const RESOURCE = /^projects\/[^/]+\/([a-z]+)\/([A-Za-z][A-Za-z0-9\-_.~+%]{2,254})$/

export type Collection = 'topics' | 'subscriptions' | 'snapshots' | 'schemas'

/** What a subscription names as its topic, a topic as its schema, when that was deleted. */
export const DELETED_TOPIC = '_deleted-topic_'
export const DELETED_SCHEMA = '_deleted-schema_'

const invalidName = (name: string) =>
  invalidArgument(
    `Invalid resource name given (name=${name}). Refer to https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names for more information.`,
  )

/** Throws INVALID_ARGUMENT unless `name` is `projects/{project}/{collection}/{id}` with an id that is allowed. */
export const checkName = (collection: Collection, name: string): void => {
  const match = RESOURCE.exec(name)
  if (!match || match[1] !== collection || match[2]?.startsWith('goog')) throw invalidName(name)
}

export const checkProject = (name: string): void => {
  if (!PROJECT.test(name)) throw invalidName(name)
}

/** `projects/{project}` of a resource name. */
export const projectOf = (name: string): string => name.split('/', 2).join('/')

/** The collection that a resource's name has it in. Throws INVALID_ARGUMENT for a name that is none of the service's. */
export const collectionOf = (name: string): Collection => {
  const collection = name.split('/')[2] as Collection
  if (!(['topics', 'subscriptions', 'snapshots', 'schemas'] as string[]).includes(collection)) throw invalidName(name)
  checkName(collection, name)
  return collection
}
