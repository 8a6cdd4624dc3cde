import type { CommitEvent } from '../store/database.ts'
import type { Store } from '../store/store.ts'
import { Dispatcher } from './dispatcher.ts'
import type { Occurrence } from './event.ts'
import { fires, type Trigger } from './trigger.ts'

export { parseFirstGeneration, parseSecondGeneration, type Trigger } from './trigger.ts'

export interface TriggersOptions {
  readonly store: Store
  /** `host:port` of the functions emulator; undefined: nobody is told of anything. */
  readonly functionsHost: string | undefined
  /** What events wait for: a commit that is told to a function must not be lost afterwards. */
  readonly durable: () => Promise<void> | undefined
  readonly log: (line: string) => void
}

/** The functions that hear of changes. As long as there are none, commits do not know of it. */
export class Triggers {
  readonly #options: TriggersOptions
  readonly #dispatcher: Dispatcher | undefined
  readonly #registered = new Map<string, Trigger>()
  #stop: (() => void) | undefined

  constructor(options: TriggersOptions) {
    this.#options = options
    const { functionsHost, log } = options
    if (functionsHost) this.#dispatcher = new Dispatcher({ functionsHost, log: (line) => log(`triggers: ${line}`) })
  }

  get keys(): readonly string[] {
    return [...this.#registered.keys()]
  }

  /** Adds a trigger, or replaces the one with its key. */
  register(trigger: Trigger): void {
    this.#registered.set(trigger.key, trigger)
    if (this.#dispatcher) this.#stop ??= this.#options.store.onCommit((event) => this.#committed(event))
  }

  close(): void {
    this.#stop?.()
    this.#dispatcher?.close()
  }

  #committed(event: CommitEvent): void {
    const { imported = false, by = null } = event.origin
    if (imported) return
    const due: Occurrence[] = []
    for (const trigger of this.#registered.values()) {
      for (const change of event.changes) if (fires(trigger, event, change)) due.push({ trigger, change, by })
    }
    if (due.length === 0) return
    const send = () => {
      for (const occurrence of due) this.#dispatcher?.enqueue(occurrence)
    }
    const pending = this.#options.durable()
    // What cannot be made durable is not told; its writer hears of that.
    if (pending) pending.then(send, () => {})
    else send()
  }
}
