import type protobuf from 'protobufjs'
import { loadProtos } from '../../src/wire/protos.ts'
import type { EngineName } from './engine-process.ts'
import type { Vocabulary } from './messages.ts'

/** A method as gRPC calls it. */
export interface AttackedMethod {
  readonly engine: EngineName
  readonly path: string
  readonly request: protobuf.Type
  readonly words: Vocabulary
}

const NAMES = ['', 'a', '/', '..', '__x__', 'é\u0000\ud83d\ude00', '*', '`a.b`', 'x'.repeat(1600), 'bearer owner', '-1']
const DATABASE = 'projects/p/databases/(default)'
const DOCUMENTS = `${DATABASE}/documents`

const DOCUMENT_NAMES = [`${DOCUMENTS}/c/a`, `${DOCUMENTS}/c/b`, `${DOCUMENTS}/c/a/d/e`]
const FIELD_PATHS = ['a', 'b', 'a', 'b', 'a.b', '__name__', '`é`', 'a.', '*']
const PARENTS = [DOCUMENTS, DOCUMENTS, `${DOCUMENTS}/c/a`]
const TOPICS = ['projects/p/topics/topic', 'projects/p/topics/other', 'projects/p/topics/none']
const SUBSCRIPTIONS = ['projects/p/subscriptions/some', 'projects/p/subscriptions/ordered']
// Of those that are deleted none can be made again for a while.
export const QUEUES = ['some', 'other', 'third', 'fourth'].map((id) => `projects/p/locations/l/queues/${id}`)
const TASKS = QUEUES.flatMap((queue) => [`${queue}/tasks/one`, `${queue}/tasks/two`])

const words: Record<EngineName, Vocabulary> = {
  firestore: {
    strings: [...DOCUMENT_NAMES, ...FIELD_PATHS, 'c', ...NAMES],
    fields: {
      database: [DATABASE],
      parent: PARENTS,
      name: [...DOCUMENT_NAMES, ...DOCUMENT_NAMES, DATABASE],
      document: DOCUMENT_NAMES,
      documents: DOCUMENT_NAMES,
      delete: DOCUMENT_NAMES,
      verify: DOCUMENT_NAMES,
      referenceValue: [...DOCUMENT_NAMES, `${DATABASE.replace('p', 'q')}/documents/c/d`],
      collectionId: ['c', 'c', 'd'],
      documentId: ['a', 'b', ''],
      fieldPath: FIELD_PATHS,
      fieldPaths: FIELD_PATHS,
      fields: ['a', 'b', 'c', 'é'],
      orderBy: ['', 'a', 'a desc, b', '__name__', 'a,,'],
      pageToken: [''],
      transaction: [''],
      retryTransaction: [''],
      streamId: [''],
      streamToken: [''],
      resumeToken: [''],
    },
  },
  pubsub: {
    strings: [...TOPICS, ...SUBSCRIPTIONS, 'projects/p/snapshots/some', 'projects/p/schemas/some', ...NAMES],
    fields: {
      project: ['projects/p'],
      parent: ['projects/p'],
      topic: TOPICS,
      subscription: [...SUBSCRIPTIONS, 'projects/p/subscriptions/none'],
      name: ['projects/p/topics/topic', ...SUBSCRIPTIONS, 'projects/p/snapshots/some', 'projects/p/schemas/some'],
      snapshot: ['projects/p/snapshots/some'],
      schema: ['projects/p/schemas/some'],
      resource: ['projects/p/topics/topic', 'projects/p/subscriptions/some'],
      schemaId: ['some', 'other'],
      definition: [
        '{"type":"record","name":"R","fields":[{"name":"a","type":["null","R"]}]}',
        'syntax = "proto3"; message M { M m = 1; map<string, M> n = 2; }',
      ],
      filter: ['', 'attributes:a', 'NOT (attributes.a = "b" OR hasPrefix(attributes.b, "c"))', '(((', '-'],
      paths: ['labels', 'push_config', 'ack_deadline_seconds', 'retry_policy', 'schema_settings', 'expiration_policy'],
      pushEndpoint: ['http://127.0.0.1:1/', 'x'],
      orderingKey: ['', 'k'],
      pageToken: [''],
      role: ['roles/viewer'],
      members: ['allUsers'],
      permissions: ['pubsub.topics.get', 'pubsub.subscriptions.get'],
      kmsKeyName: [''],
      etag: [''],
    },
  },
  tasks: {
    strings: [...QUEUES, ...TASKS, ...NAMES],
    fields: {
      parent: ['projects/p/locations/l', ...QUEUES],
      name: [...QUEUES, ...TASKS],
      resource: QUEUES,
      url: ['http://127.0.0.1:1/x', 'https://127.0.0.1:1', 'http://[::1', 'ftp://x'],
      paths: ['rate_limits', 'retry_config.max_attempts', 'http_target', 'name'],
      filter: ['', 'state: PAUSED', 'state'],
      pageToken: [''],
      etag: [''],
    },
  },
}

const methodsOf = (engine: EngineName, root: protobuf.Root, service: string, as = service): AttackedMethod[] =>
  (root.lookupService(service).resolveAll() as protobuf.Service).methodsArray.map((method) => {
    method.resolve()
    if (!method.resolvedRequestType) throw new Error(`${method.name} has no request`)
    return { engine, path: `/${as}/${method.name}`, request: method.resolvedRequestType, words: words[engine] }
  })

/** Every method of every service that is served over gRPC. */
export const attackedMethods = (): AttackedMethod[] => {
  const firestore = loadProtos('firestore')
  const pubsub = loadProtos('pubsub')
  const tasks = loadProtos('tasks')
  return [
    ...methodsOf('firestore', firestore, 'google.firestore.v1.Firestore'),
    ...methodsOf('firestore', firestore, 'google.firestore.v1.Firestore', 'google.firestore.v1beta1.Firestore'),
    ...['Publisher', 'Subscriber', 'SchemaService'].flatMap((name) =>
      methodsOf('pubsub', pubsub, `google.pubsub.v1.${name}`),
    ),
    ...methodsOf('pubsub', loadProtos('iam'), 'google.iam.v1.IAMPolicy'),
    ...methodsOf('tasks', tasks, 'google.cloud.tasks.v2.CloudTasks'),
    ...methodsOf('tasks', tasks, 'google.cloud.tasks.v2beta3.CloudTasks'),
  ]
}
