import { Code, StatusError } from '../../wire/status-error.ts'
import type { Timestamp } from '../values/value.ts'
import { Database, type CommitEvent, type Origin, type PendingChange } from './database.ts'
import { History } from './history.ts'
import { descendants, type DocumentNode } from './tree.ts'
import { Timeline, type Clock } from './timeline.ts'

export type CommitListener = (event: CommitEvent) => void

/** All databases, which come to be when they are first named, and the one sequence of commits to them. */
export class Store {
  readonly timeline: Timeline
  readonly history: History
  readonly #databases = new Map<string, Database>()
  readonly #listeners = new Set<CommitListener>()

  /** Puts into a database, when it comes to be, what it begins with. */
  fill: ((database: Database) => void) | null = null

  constructor(clock: Clock, history = new History()) {
    this.timeline = new Timeline(clock)
    this.history = history
  }

  /** `name` is `projects/{p}/databases/{d}`. */
  database(name: string): Database {
    const known = this.#databases.get(name)
    if (known) return known
    const database = new Database(name, this.history)
    this.#databases.set(name, database)
    this.fill?.(database)
    return database
  }

  get databases(): Iterable<Database> {
    return this.#databases.values()
  }

  /**
   * Calls `listener` with every commit, in order and before its caller is answered, until the returned function is
   * called. A listener must not throw nor commit.
   */
  onCommit(listener: CommitListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  apply(database: Database, pending: Iterable<PendingChange>, time: number, origin: Origin = {}): void {
    const event = database.apply(pending, time, origin)
    if (event.changes.length === 0) return
    for (const listener of this.#listeners) listener(event)
  }

  /** Deletes every document of a database, or those at and below one path, in one commit. */
  clear(database: Database, under: DocumentNode = database.root): void {
    const time = this.timeline.commit()
    const pending: PendingChange[] = []
    for (const node of [under, ...descendants(under)]) {
      const before = node.at()
      if (before) pending.push({ segments: node.segments, before, fields: null, createTime: 0, size: 0 })
    }
    this.apply(database, pending, time)
  }

  /** Checks a read time that a client asks for and gives it in microseconds. */
  readTime(time: Timestamp): number {
    const now = this.timeline.read()
    const micros = time.toMicros()
    if (micros > now) {
      throw new StatusError(Code.INVALID_ARGUMENT, "The requested 'read_time' cannot be in the future.")
    }
    if (micros < this.history.horizon(now)) {
      throw new StatusError(Code.FAILED_PRECONDITION, "The requested 'read_time' is too old.")
    }
    return micros
  }
}
