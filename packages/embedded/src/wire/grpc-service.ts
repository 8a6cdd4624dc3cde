import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js'
import type protobuf from 'protobufjs'

const codec = (type: protobuf.Type) => ({
  serialize: (message: object) => Buffer.from(type.encode(message).finish()),
  deserialize: (bytes: Buffer) => type.decode(bytes),
})

/**
 * The grpc-js definition of one service. Messages stay protobufjs messages: no conversion to plain objects, which
 * costs more than decoding itself. 64-bit integers are therefore `Long` and bytes are `Uint8Array`.
 */
export const serviceDefinition = (root: protobuf.Root, name: string): ServiceDefinition => {
  const service = root.lookupService(name).resolveAll() as protobuf.Service
  const methods = service.methodsArray.map((method): [string, MethodDefinition<object, object>] => {
    method.resolve()
    if (!method.resolvedRequestType || !method.resolvedResponseType)
      throw new Error(`${name}.${method.name} has no types`)
    const request = codec(method.resolvedRequestType)
    const response = codec(method.resolvedResponseType)
    return [
      method.name,
      {
        path: `/${name}/${method.name}`,
        requestStream: method.requestStream === true,
        responseStream: method.responseStream === true,
        requestSerialize: request.serialize,
        requestDeserialize: request.deserialize,
        responseSerialize: response.serialize,
        responseDeserialize: response.deserialize,
      },
    ]
  })
  return Object.fromEntries(methods)
}
