import {
  Metadata,
  type sendUnaryData,
  type ServerUnaryCall,
  type ServerWritableStream,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import { UnreadableRequest } from '../../wire/readable.ts'
import { Code, StatusError } from '../../wire/status-error.ts'
import { principalOfCall } from '../access/principal.ts'
import type { Engine } from '../engine.ts'
import { grpcDuplex } from './grpc-duplex.ts'
import { duplexMethods, methods, type StreamingMethod, type UnaryMethod } from './methods.ts'

export type Log = (message: string) => void

/** The status that an error is answered with; what is no `StatusError` is the engine's own fault, and logged. */
export const statusOf = (error: unknown, log: Log): StatusError => {
  if (error instanceof StatusError) return error
  log(`firestore: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  return new StatusError(Code.INTERNAL, 'Internal error in the Firestore engine.')
}

type Incoming = { request: object | UnreadableRequest; metadata: Parameters<typeof principalOfCall>[0] }

/** What every request passes before it is served. */
const admit = ({ request, metadata }: Incoming) => {
  const principal = principalOfCall(metadata)
  if (request instanceof UnreadableRequest) throw request.error
  return { request: request as never, principal }
}

const drained = (call: ServerWritableStream<unknown, object>): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      call.off('drain', done)
      call.off('close', done)
      call.off('cancelled', done)
      resolve()
    }
    call.on('drain', done)
    call.on('close', done)
    call.on('cancelled', done)
  })

/** The methods of google.firestore.v1.Firestore on one engine. Methods that are not here answer UNIMPLEMENTED. */
export const firestoreMethods = (engine: Engine, log: Log): UntypedServiceImplementation => {
  const unary =
    ({ handle }: UnaryMethod) =>
    (call: ServerUnaryCall<object | UnreadableRequest, object>, answer: sendUnaryData<object>): void => {
      const serve = async () => {
        const { request, principal } = admit(call)
        return handle(engine, request, principal)
      }
      serve().then(
        (response) => answer(null, response),
        (error: unknown) => answer(statusOf(error, log)),
      )
    }
  const streaming =
    ({ handle }: StreamingMethod) =>
    (call: ServerWritableStream<object | UnreadableRequest, object>): void => {
      const serve = async () => {
        const { request, principal } = admit(call)
        for await (const response of handle(engine, request, principal)) {
          if (call.cancelled) return
          if (!call.write(response)) await drained(call)
        }
        call.end()
      }
      serve().catch((error: unknown) => {
        // Google's client for Node takes an error without headers for a server that did not answer, and asks three times
        // more over seven seconds, whatever the status.
        call.sendMetadata(new Metadata())
        call.emit('error', statusOf(error, log))
      })
    }
  const answering = Object.entries(methods).map(([name, method]) => [
    name,
    method.kind === 'unary' ? unary(method) : streaming(method),
  ])
  const duplex = Object.entries(duplexMethods).map(([name, open]) => [
    name,
    grpcDuplex(engine, open, (error) => statusOf(error, log)),
  ])
  return Object.fromEntries([...answering, ...duplex]) as UntypedServiceImplementation
}
