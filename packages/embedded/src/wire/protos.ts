import { createRequire } from 'node:module'
import { join } from 'node:path'
import protobuf from 'protobufjs'

const require = createRequire(import.meta.url)
// Google's clients ship the definitions of the APIs they speak; the engines read the same ones.
const firestore = '@google-cloud/firestore-api/build/protos/protos.json'
const pubsub = '@google-cloud/pubsub-api/build/protos/protos.json'
const tasks = join(require.resolve('@google-cloud/tasks/build/protos'), '../protos.json')
// Those of IAM come with what all these clients are built on.
const gax = createRequire(require.resolve(pubsub)).resolve('google-gax')
const sources = { firestore, pubsub, tasks, iam: join(gax, '../../protos/iam_service.json') }

/** The message and service definitions of one API. */
export const loadProtos = (api: keyof typeof sources): protobuf.Root =>
  protobuf.Root.fromJSON(require(sources[api]) as protobuf.INamespace)
