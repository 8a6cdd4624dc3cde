import { createRequire } from 'node:module'
import protobuf from 'protobufjs'

const require = createRequire(import.meta.url)
// Google's clients ship the definitions of the APIs they speak; the engines read the same ones.
const sources = {
  firestore: '@google-cloud/firestore-api/build/protos/protos.json',
  pubsub: '@google-cloud/pubsub-api/build/protos/protos.json',
}

/** The message and service definitions of one API. */
export const loadProtos = (api: keyof typeof sources): protobuf.Root =>
  protobuf.Root.fromJSON(require(sources[api]) as protobuf.INamespace)
