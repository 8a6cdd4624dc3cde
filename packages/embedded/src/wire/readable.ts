import type { MethodDefinition, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js'
import { Code, StatusError } from './status-error.ts'

/** What stands for a request that could not be read. */
export class UnreadableRequest {
  readonly error: StatusError

  constructor(error: StatusError) {
    this.error = error
  }
}

type Deserialize = MethodDefinition<object, object>['requestDeserialize']

/** grpc-js answers what cannot be read with INTERNAL; it is the client's fault, so that it becomes a request of its own. */
export const readable =
  (deserialize: Deserialize): Deserialize =>
  (bytes) => {
    try {
      return deserialize(bytes)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      return new UnreadableRequest(new StatusError(Code.INVALID_ARGUMENT, `Invalid request: ${reason}`))
    }
  }

interface Host {
  addService(definition: ServiceDefinition, implementation: UntypedServiceImplementation): void
}

type Unary = (call: { request: object }, answer: (error: StatusError) => void) => void

const refusing =
  (handler: Unary): Unary =>
  (call, answer) =>
    call.request instanceof UnreadableRequest ? answer(call.request.error) : handler(call, answer)

/**
 * A host whose methods answer INVALID_ARGUMENT to bytes that are no message. Those that take a stream of requests find
 * an `UnreadableRequest` among them.
 */
export const readableHost = (host: Host): Host => ({
  addService(definition, implementation) {
    const methods = Object.entries(definition).map(([name, method]) => [
      name,
      { ...method, requestDeserialize: readable(method.requestDeserialize as Deserialize) },
    ])
    const handlers = Object.entries(implementation).map(([name, handler]) => [
      name,
      definition[name]?.requestStream === false ? refusing(handler as Unary) : handler,
    ])
    host.addService(
      Object.fromEntries(methods) as ServiceDefinition,
      Object.fromEntries(handlers) as UntypedServiceImplementation,
    )
  },
})
