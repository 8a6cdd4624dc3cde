import type { Principal } from '../access/principal.ts'
import type { Engine } from '../engine.ts'

/** The transport's side of a call in which both sides send messages: where the engine's answers go. */
export interface ResponseSink {
  /** Sends one response. False when the transport has no more room: nothing comes until it calls `drained`. */
  send(response: object): boolean
  /** The call is over and went well; nothing comes after. */
  end(): void
  /** The call is over; nothing comes after. A `StatusError` is for the client, anything else the engine's own fault. */
  fail(error: unknown): void
}

/** The engine's side of such a call. Nothing of it throws, and nothing is sent before the first request. */
export interface DuplexCall {
  /** Takes the client's next request, as `messages.ts` describes it. */
  receive(request: object): void
  /** The client sends nothing more. */
  halfClose(): void
  /** There is room again. */
  drained(): void
  /** The client is gone; nothing more is sent. */
  cancel(): void
}

/** Begins a call. */
export type OpenDuplex = (engine: Engine, principal: Principal, sink: ResponseSink) => DuplexCall
