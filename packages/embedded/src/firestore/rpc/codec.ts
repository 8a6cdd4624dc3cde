import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js'
import protobuf from 'protobufjs'
import { serviceDefinition } from '../../wire/grpc-service.ts'
import { loadProtos } from '../../wire/protos.ts'
import { readable, UnreadableRequest } from '../../wire/readable.ts'
import { Code, StatusError } from '../../wire/status-error.ts'
import {
  decodeArray,
  decodeDocument,
  decodeTimestamp,
  decodeValue,
  encodeArray,
  encodeDocument,
  encodeTimestamp,
  encodeValue,
} from '../values/codec.ts'

// 10 MiB and some room for the envelope: the number that production names.
const MAX_REQUEST_BYTES = 11_534_336
/** What the transport takes, so that a request over the limit gets our message and not the transport's. */
export const MAX_MESSAGE_BYTES = 100 * 1024 * 1024

// protobufjs takes any object for a message, and a codec may make of it what it likes.
interface Codec {
  encode: (message: never, writer: protobuf.Writer) => protobuf.Writer
  decode: (reader: protobuf.Reader, length?: number) => unknown
}

const codecs: Record<string, Codec> = {
  'google.firestore.v1.Value': { encode: encodeValue, decode: (reader, length) => decodeValue(reader, length) },
  'google.firestore.v1.ArrayValue': { encode: encodeArray, decode: (reader, length) => decodeArray(reader, length) },
  'google.firestore.v1.Document': { encode: encodeDocument, decode: decodeDocument },
  'google.protobuf.Timestamp': { encode: encodeTimestamp, decode: decodeTimestamp },
}

/** The API's definitions, with values, documents and times read straight into the engine's own form and back. */
export const firestoreProtos = (): protobuf.Root => {
  const root = loadProtos('firestore')
  // The field is missing from the definitions that ship with the server client; the web client sends it.
  const write = root.lookupType('google.firestore.v1.Write')
  write.add(new protobuf.Field('verify', 5, 'string'))
  write.oneofs['operation']?.add(write.fields['verify'] as protobuf.Field)
  // The constructor that there is already does not know of it.
  write.ctor = protobuf.Type.generateConstructor(write)() as unknown as protobuf.Constructor<object>
  // Google's emulator has it, over REST too.
  root.lookupType('google.firestore.v1.RunAggregationQueryResponse').add(new protobuf.Field('done', 6, 'bool'))
  for (const [name, codec] of Object.entries(codecs)) {
    const { encode, decode } = codec
    Object.assign(root.lookupType(name).setup(), {
      encode: (message: never, writer = protobuf.Writer.create()) => encode(message, writer),
      decode,
    })
  }
  return root
}

const guarded = (method: MethodDefinition<object, object>): MethodDefinition<object, object> => ({
  ...method,
  requestDeserialize: (bytes) => {
    if (bytes.length > MAX_REQUEST_BYTES) {
      const message = `Request payload size exceeds the limit: ${MAX_REQUEST_BYTES} bytes.`
      return new UnreadableRequest(new StatusError(Code.INVALID_ARGUMENT, message))
    }
    return readable(method.requestDeserialize)(bytes)
  },
})

const SERVICE = 'google.firestore.v1.Firestore'

/**
 * The grpc-js definition of google.firestore.v1.Firestore over the messages of `messages.ts`, from `firestoreProtos`.
 * `name` is what the service is called by: `google.firestore.v1beta1.Firestore` has the same messages.
 */
export const firestoreService = (protos = firestoreProtos(), name = SERVICE): ServiceDefinition => {
  const definition = serviceDefinition(protos, SERVICE)
  const methods = Object.entries(definition) as [string, MethodDefinition<object, object>][]
  return Object.fromEntries(methods.map(([method, one]) => [method, { ...guarded(one), path: `/${name}/${method}` }]))
}
