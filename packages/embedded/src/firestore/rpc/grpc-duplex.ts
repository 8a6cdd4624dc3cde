import type { ServerDuplexStream } from '@grpc/grpc-js'
import { principalOfCall, type Principal } from '../access/principal.ts'
import type { StatusError } from '../../wire/status-error.ts'
import type { Engine } from '../engine.ts'
import { UnreadableRequest } from '../../wire/readable.ts'
import type { OpenDuplex } from './duplex.ts'

/** Serves a duplex method over gRPC. `statusOf` makes any error the status that is answered. */
export const grpcDuplex =
  (engine: Engine, open: OpenDuplex, statusOf: (error: unknown) => StatusError) =>
  (call: ServerDuplexStream<object | UnreadableRequest, object>): void => {
    const fail = (error: unknown): void => void call.emit('error', statusOf(error))
    let principal: Principal
    try {
      principal = principalOfCall(call.metadata)
    } catch (error) {
      return fail(error)
    }
    const duplex = open(engine, principal, {
      send: (response) => call.write(response),
      end: () => call.end(),
      fail,
    })
    call.on('data', (request: object | UnreadableRequest) => {
      if (!(request instanceof UnreadableRequest)) return duplex.receive(request)
      duplex.cancel()
      fail(request.error)
    })
    call.on('end', () => duplex.halfClose())
    call.on('drain', () => duplex.drained())
    call.on('cancelled', () => duplex.cancel())
    // The client has broken off in the middle of a message.
    call.on('error', () => duplex.cancel())
  }
