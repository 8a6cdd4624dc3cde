import { chunk } from './frame.ts'

/** An open response in which arrays are sent to the client. */
export interface BackChannel {
  /** Whether it stays open after the first chunk; otherwise the client polls. */
  readonly streaming: boolean
  /** After how many milliseconds without anything to say it says so. */
  readonly keepAliveMs: number
  write(text: string): void
  end(): void
}

/** What a session tells of. */
export interface SessionEvents {
  /** The next message of the client. */
  onMessage(text: string): void
  /** There is room for more to be sent. */
  onRoom(): void
  /** The session is over, by the client's wish or since it is gone. */
  onEnd(): void
}

interface Outgoing {
  readonly id: number
  readonly text: string
}

/** What a session holds for a client that does not take it, in UTF-16 units; a message over it is still held. */
const MAX_HELD = 1024 * 1024
/** What goes over one back channel: browsers keep the text of the whole response, and only a new one acknowledges. */
const MAX_STREAMED = 1024 * 1024
/** How long a session outlives its last back channel. */
export const IDLE_MS = 60_000
const NOOP = '["noop"]'

/**
 * One session of WebChannel: a numbered sequence of arrays to the client, kept until they are acknowledged and sent
 * again over a new back channel when one breaks, and a numbered sequence of messages from it, each taken once.
 */
export class Session {
  readonly #events: SessionEvents
  // Array 0 is the answer to the handshake.
  #held: Outgoing[] = []
  #heldLength = 0
  #lastId = 0
  #sentId = 0
  #nextMessage = 0
  #back: BackChannel | null = null
  #streamed = 0
  #timer: NodeJS.Timeout | null = null
  #flushing: NodeJS.Immediate | null = null
  #isFull = false
  #isOver = false

  constructor(events: SessionEvents) {
    this.#events = events
    this.#wait(() => this.end(), IDLE_MS)
  }

  /** Takes the client's messages from number `offset` on; those it has sent before are left out. */
  receive(offset: number, messages: readonly string[]): void {
    if (offset > this.#nextMessage) throw new SyntaxError(`Message ${this.#nextMessage} has not been sent.`)
    for (const message of messages.slice(this.#nextMessage - offset)) {
      this.#nextMessage++
      if (!this.#isOver) this.#events.onMessage(message)
    }
    if (!this.#back && !this.#isOver) this.#wait(() => this.end(), IDLE_MS)
  }

  /** Sends an array, given as JSON. False when the session holds as much as it should. */
  send(text: string): boolean {
    if (this.#isOver) return true
    this.#held.push({ id: ++this.#lastId, text })
    this.#heldLength += text.length
    this.#flushing ??= setImmediate(() => {
      this.#flushing = null
      this.#flush()
    })
    if (this.#heldLength > MAX_HELD) this.#isFull = true
    return !this.#isFull
  }

  /** The client has all arrays up to this one. */
  acknowledge(id: number): void {
    let count = 0
    while (count < this.#held.length && (this.#held[count] as Outgoing).id <= id) {
      this.#heldLength -= (this.#held[count++] as Outgoing).text.length
    }
    if (count > 0) this.#held.splice(0, count)
    if (!this.#isFull || this.#heldLength > MAX_HELD / 2) return
    this.#isFull = false
    if (!this.#isOver) this.#events.onRoom()
  }

  /** Sends from now on over `back`, first what the client does not have yet. */
  attach(back: BackChannel): void {
    this.#back?.end()
    this.#back = back
    this.#streamed = 0
    this.#sentId = (this.#held[0]?.id ?? this.#lastId + 1) - 1
    // The client takes a stream in which nothing comes at once for one that a proxy holds back.
    if (this.#held.length === 0 && back.streaming) this.#hold(NOOP)
    this.#flush()
    this.#keepAlive()
  }

  /** `back` is broken; a new one may come. */
  detach(back: BackChannel): void {
    if (this.#back !== back) return
    this.#back = null
    this.#wait(() => this.end(), IDLE_MS)
  }

  /** `[is there a back channel, the last array sent, how much of what was sent is not acknowledged]` */
  get state(): [number, number, number] {
    const outstanding = this.#held.filter(({ id }) => id <= this.#sentId)
    return [this.#back ? 1 : 0, this.#sentId, outstanding.reduce((sum, { text }) => sum + text.length, 0)]
  }

  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    if (this.#timer) clearTimeout(this.#timer)
    if (this.#flushing) clearImmediate(this.#flushing)
    this.#held = []
    this.#back?.end()
    this.#back = null
    this.#events.onEnd()
  }

  #hold(text: string): void {
    this.#held.push({ id: ++this.#lastId, text })
    this.#heldLength += text.length
  }

  #flush(): void {
    const back = this.#back
    const pending = this.#held.filter(({ id }) => id > this.#sentId)
    if (!back || pending.length === 0) return
    const text = chunk(`[${pending.map((one) => `[${one.id},${one.text}]`).join(',')}]`)
    this.#sentId = this.#lastId
    this.#streamed += text.length
    back.write(text)
    if (back.streaming && this.#streamed < MAX_STREAMED) return this.#keepAlive()
    this.detach(back)
    back.end()
  }

  #keepAlive(): void {
    if (!this.#back) return
    this.#wait(() => {
      this.#hold(NOOP)
      this.#flush()
    }, this.#back.keepAliveMs)
  }

  /** The session waits for one thing at a time. */
  #wait(then: () => void, ms: number): void {
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = setTimeout(then, ms).unref()
  }
}
