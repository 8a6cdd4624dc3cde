import { Rulesets } from './access/rulesets.ts'
import { importDocuments, type ExportedDocument } from './export/index.ts'
import { WatchIndex } from './listen/watch-index.ts'
import { History } from './store/history.ts'
import type { Database } from './store/database.ts'
import { Store } from './store/store.ts'
import type { Clock } from './store/timeline.ts'
import { Coordinator } from './transactions/coordinator.ts'

/** Everything one emulator holds: data, locks, and what was set up over HTTP. */
export class Engine {
  readonly store: Store
  readonly rules = new Rulesets()
  /** Whom a commit concerns. */
  readonly watches: WatchIndex
  /** Where commits are kept on disk; `pending` is what answers wait for. null: in memory only. */
  journal: { readonly pending: Promise<void> | undefined } | null = null
  readonly #coordinators = new Map<Database, Coordinator>()

  constructor(clock: Clock, history = new History()) {
    this.store = new Store(clock, history)
    this.watches = new WatchIndex(this.store)
  }

  /** `name` is `projects/{p}/databases/{d}`. */
  database(name: string): Database {
    return this.store.database(name)
  }

  /** The one through whom a database is read in transactions and written. */
  coordinator(database: Database): Coordinator {
    const known = this.#coordinators.get(database)
    if (known) return known
    const coordinator = new Coordinator(this.store, database)
    this.#coordinators.set(database, coordinator)
    return coordinator
  }

  /** Every database that is still to come begins with the documents of an export that are of its id. */
  seed(documents: readonly ExportedDocument[]): void {
    this.store.fill = (database) => importDocuments(this.store, database, documents)
  }

  /** Ends all transactions, whatever they hold; every database is as in its beginning. */
  reset(): void {
    for (const coordinator of this.#coordinators.values()) coordinator.transactions.endAll()
    for (const database of this.store.databases) {
      this.store.clear(database)
      this.store.fill?.(database)
    }
  }

  close(): void {
    for (const coordinator of this.#coordinators.values()) coordinator.close()
  }
}
