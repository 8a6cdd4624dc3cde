import { Code, StatusError } from '../../wire/status-error.ts'
import type { Engine } from '../engine.ts'
import type { StreamingMethod, UnaryMethod } from './methods.ts'
import type { OpenDuplex, ResponseSink } from './duplex.ts'

// With a journal, a commit takes effect in memory at once and is durable a little later. Nothing leaves the engine before
// all that it may rest on is durable: neither the answer to a commit, nor what somebody else read meanwhile. So nobody
// has seen anything that is gone after the engine was killed. Without a journal nothing here takes part.

/** Resolves when all commits so far are durable. Rejects with DATA_LOSS, which no client tries again, when they never will be. */
export const settled = async (pending: Promise<void>): Promise<void> => {
  try {
    await pending
  } catch (error) {
    throw new StatusError(Code.DATA_LOSS, `The engine has stopped: ${(error as Error).message}`)
  }
}

const answered = async (engine: Engine, work: () => object | Promise<object>): Promise<object> => {
  try {
    return await work()
  } finally {
    const pending = engine.journal?.pending
    if (pending) await settled(pending)
  }
}

export const durably =
  (handle: UnaryMethod['handle']): UnaryMethod['handle'] =>
  (engine, request, principal) =>
    engine.journal ? answered(engine, () => handle(engine, request, principal)) : handle(engine, request, principal)

/** All that a stream of answers tells was read before the first of them. */
async function* streamed(engine: Engine, answers: AsyncIterable<object>): AsyncGenerator<object> {
  let begun = false
  for await (const answer of answers) {
    const pending = begun ? undefined : engine.journal?.pending
    if (pending) await settled(pending)
    begun = true
    yield answer
  }
}

export const streamedDurably =
  (handle: StreamingMethod['handle']): StreamingMethod['handle'] =>
  (engine, request, principal) => {
    const answers = handle(engine, request, principal)
    return engine.journal ? streamed(engine, answers) : answers
  }

interface Held {
  readonly pending: Promise<void> | undefined
  readonly act: () => boolean
}

/** A sink that holds back what rests on something that is not durable yet, and keeps the order. */
class HoldingSink implements ResponseSink {
  readonly #engine: Engine
  readonly #sink: ResponseSink
  readonly #drained: () => void
  readonly #held: Held[] = []

  constructor(engine: Engine, sink: ResponseSink, drained: () => void) {
    this.#engine = engine
    this.#sink = sink
    this.#drained = drained
  }

  send(response: object): boolean {
    return this.#inOrder(() => this.#sink.send(response))
  }

  end(): void {
    this.#inOrder(() => (this.#sink.end(), true))
  }

  fail(error: unknown): void {
    this.#inOrder(() => (this.#sink.fail(error), true))
  }

  /** Nobody is there any more to be told. */
  cancel(): void {
    this.#held.length = 0
  }

  #inOrder(act: () => boolean): boolean {
    const pending = this.#engine.journal?.pending
    if (!pending && this.#held.length === 0) return act()
    if (this.#held.push({ pending, act }) === 1) void this.#release()
    // The next comes when this one has gone out.
    return false
  }

  async #release(): Promise<void> {
    let room = true
    try {
      for (let next = this.#held[0]; next; next = this.#held[0]) {
        if (next.pending) await settled(next.pending)
        if (this.#held[0] !== next) return
        room = next.act()
        this.#held.shift()
      }
      if (room) this.#drained()
    } catch (error) {
      this.#held.length = 0
      this.#sink.fail(error)
    }
  }
}

export const duplexDurably =
  (open: OpenDuplex): OpenDuplex =>
  (engine, principal, sink) => {
    if (!engine.journal) return open(engine, principal, sink)
    const holding = new HoldingSink(engine, sink, () => call.drained())
    const call = open(engine, principal, holding)
    return {
      receive: (request) => call.receive(request),
      halfClose: () => call.halfClose(),
      drained: () => call.drained(),
      cancel: () => {
        holding.cancel()
        call.cancel()
      },
    }
  }
