import type { DocumentNode, Version } from './tree.ts'

const RETENTION_MICROS = 3600e6
// However fast documents are rewritten, what is kept of their past takes no more than this.
const MAX_BYTES = 64 * 1024 * 1024
// What a version costs in memory besides its size as Firestore counts it, as measured for small documents.
const VERSION_OVERHEAD_BYTES = 400

interface Superseded {
  node: DocumentNode
  by: Version
}

/** A moment that someone still reads at; nothing it needs is thrown away. */
export interface Pin {
  readonly time: number
}

/**
 * The past of all documents: versions that a later one replaced, oldest first. They are kept for an hour, as in
 * production, but never more than a bounded number of bytes of them; a read from before what is kept is refused.
 */
export class History {
  readonly #maxBytes: number
  readonly #pins = new Set<Pin>()
  #queue: Superseded[] = []
  #first = 0
  #bytes = 0
  #horizon = 0

  constructor(maxBytes = MAX_BYTES) {
    this.#maxBytes = maxBytes
  }

  /** The earliest time that can be read, when it is now `now`. */
  horizon(now: number): number {
    return Math.max(this.#horizon, now - RETENTION_MICROS)
  }

  pin(time: number): Pin {
    const pin = { time }
    this.#pins.add(pin)
    return pin
  }

  unpin(pin: Pin): void {
    this.#pins.delete(pin)
  }

  /** Notes that the version `by` of a document has replaced the one before it. */
  supersede(node: DocumentNode, by: Version): void {
    if (!by.previous && by.fields) return
    this.#queue.push({ node, by })
    this.#bytes += weight(by)
    this.#trim(by.time)
  }

  clear(now: number): void {
    this.#queue = []
    this.#first = 0
    this.#bytes = 0
    this.#horizon = now
  }

  #trim(now: number): void {
    let pinned = Infinity
    for (const pin of this.#pins) pinned = Math.min(pinned, pin.time)
    while (this.#first < this.#queue.length) {
      const { node, by } = this.#queue[this.#first] as Superseded
      const due = by.time < now - RETENTION_MICROS || this.#bytes > this.#maxBytes
      if (!due || by.time > pinned) break
      this.#first++
      this.#bytes -= weight(by)
      by.previous = null
      this.#horizon = by.time
      if (node.head === by && !by.fields && !node.collections) node.collection?.remove(node)
    }
    if (this.#first > 1024 && this.#first * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#first)
      this.#first = 0
    }
  }
}

const weight = (by: Version): number => VERSION_OVERHEAD_BYTES + (by.previous?.size ?? 0)
