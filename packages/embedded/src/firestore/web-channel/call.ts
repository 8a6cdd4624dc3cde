import type protobuf from 'protobufjs'
import { Code, StatusError } from '../../wire/status-error.ts'
import { principalOf } from '../access/principal.ts'
import type { Engine } from '../engine.ts'
import { errorObject } from '../http/error-body.ts'
import { compactJson } from '../rest/json-text.ts'
import { readMessage, writeMessage } from '../rest/message-json.ts'
import { JsonMismatch, parseJson } from '../rest/well-known.ts'
import type { DuplexCall, OpenDuplex, ResponseSink } from '../rpc/duplex.ts'
import { statusOf, type Log } from '../rpc/service.ts'
import { Session } from './session.ts'

/** A method of which both sides send messages, as it is called over WebChannel. */
export interface DuplexMethod {
  readonly open: OpenDuplex
  readonly request: protobuf.Type
  readonly response: protobuf.Type
}

const readRequest = (type: protobuf.Type, text: string): object => {
  try {
    return readMessage(type, parseJson(text)) as object
  } catch (error) {
    if (!(error instanceof JsonMismatch || error instanceof SyntaxError)) throw error
    throw new StatusError(Code.INVALID_ARGUMENT, `Invalid JSON payload received: ${error.message}`)
  }
}

/** Begins a call whose messages go over a session of its own, which is given back. `onEnd` is called once, at its end. */
export const openCall = (
  engine: Engine,
  method: DuplexMethod,
  authorization: string | undefined,
  log: Log,
  onEnd: () => void,
): Session => {
  let call: DuplexCall | null = null
  let isOver = false
  const finish = (last: string) => {
    if (isOver) return
    isOver = true
    session.send(last)
  }
  const fail = (error: unknown) => {
    const { code, details } = statusOf(error, log)
    finish(JSON.stringify([errorObject(code, details)]))
  }
  const sink: ResponseSink = {
    send: (response) => {
      if (isOver) return true
      return session.send(`[${compactJson(writeMessage(method.response, response as Record<string, unknown>))}]`)
    },
    end: () => finish('["close"]'),
    fail,
  }
  const session = new Session({
    onMessage(text) {
      if (isOver) return
      try {
        call?.receive(readRequest(method.request, text))
      } catch (error) {
        call?.cancel()
        fail(error)
      }
    },
    onRoom: () => call?.drained(),
    onEnd() {
      isOver = true
      call?.cancel()
      onEnd()
    },
  })
  try {
    call = method.open(engine, principalOf(authorization), sink)
  } catch (error) {
    fail(error)
  }
  return session
}
