import type { DocumentNode, LiveVersion } from '../store/tree.ts'
import type { Target } from './target.ts'
import type { Watcher } from './watch-index.ts'

/** A target on a stream, and what has changed in its places since the client was last told. */
export class Listener implements Watcher {
  readonly id: number
  readonly target: Target
  /** What each document was when the client was last told. */
  changes = new Map<DocumentNode, LiveVersion | null>()
  readonly #touched: (listener: Listener, time: number) => void

  constructor(id: number, target: Target, touched: (listener: Listener, time: number) => void) {
    this.id = id
    this.target = target
    this.#touched = touched
  }

  touched(node: DocumentNode, before: LiveVersion | null, time: number): void {
    // However often it changes until the client can be told, only what the client knows and the latest matter.
    if (!this.changes.has(node)) this.changes.set(node, before)
    this.#touched(this, time)
  }
}
