import type { Principal } from '../access/principal.ts'
import { Code, StatusError } from '../../wire/status-error.ts'
import type { Engine } from '../engine.ts'
import { parseDatabaseName } from '../names.ts'
import type { DuplexCall, ResponseSink } from '../rpc/duplex.ts'
import type { ListenRequest, TargetMessage } from '../rpc/messages.ts'
import type { Database } from '../store/database.ts'
import { Listener } from './listener.ts'
import { Deltas, changed, removed, snapshot, type Moment } from './responses.ts'
import { openTarget, openingResponses } from './opening.ts'
import { resumeTokenOf } from './resume-token.ts'
import { parseTarget, type Target } from './target.ts'

// As often as production tells an idle client that it has missed nothing.
const HEARTBEAT_MS = 30_000
const MAX_WAITING_REQUESTS = 1000

const invalid = (message: string) => new StatusError(Code.INVALID_ARGUMENT, message)

/** All changes of a stream's targets up to one moment, and what tells of targets that may be seen no more. */
interface Collected {
  readonly deltas: Deltas
  readonly refused: readonly object[]
}

/**
 * One client's targets. What is sent is worked out at one instant, for all targets, and made into messages as the
 * transport has room for them; only then comes the next instant. So all snapshots are consistent, and a client that is slow
 * gets fewer of them.
 */
export class ListenStream implements DuplexCall {
  readonly #engine: Engine
  readonly #principal: Principal
  readonly #sink: ResponseSink
  readonly #listeners = new Map<number, Listener>()
  readonly #changed = new Set<Listener>()
  readonly #requests: (ListenRequest | 'half-close')[] = []
  readonly #heartbeat: NodeJS.Timeout
  #database: Database | null = null
  /** The time of the last snapshot. */
  #time = 0
  /** The time of the last commit that has touched a target. */
  #touchedAt = 0
  #outgoing: Iterator<object> | null = null
  #full = false
  #scheduled = false
  #over = false
  #lastId = 0
  /** Whether the client has left the choice of an id to the server: then it must go on so. */
  #assignsIds = false

  constructor(engine: Engine, principal: Principal, sink: ResponseSink) {
    this.#engine = engine
    this.#principal = principal
    this.#sink = sink
    this.#heartbeat = setInterval(() => this.#beat(), HEARTBEAT_MS).unref()
  }

  receive(request: object): void {
    if (this.#over) return
    if (this.#requests.length >= MAX_WAITING_REQUESTS) {
      this.#fail(new StatusError(Code.RESOURCE_EXHAUSTED, 'Too many requests are waiting on the stream.'))
      return
    }
    this.#requests.push(request as ListenRequest)
    this.#pump()
  }

  halfClose(): void {
    this.#requests.push('half-close')
    this.#pump()
  }

  drained(): void {
    this.#full = false
    this.#pump()
  }

  cancel(): void {
    if (this.#over) return
    this.#over = true
    clearInterval(this.#heartbeat)
    for (const listener of this.#listeners.values()) this.#unwatch(listener)
  }

  #fail(error: unknown): void {
    if (this.#over) return
    this.cancel()
    this.#sink.fail(error)
  }

  /** Sends as long as there is something to send and room for it. */
  #pump(): void {
    try {
      while (!this.#over && !this.#full) {
        this.#outgoing ??= this.#next()
        if (!this.#outgoing) return
        const next = this.#outgoing.next()
        if (next.done === true) this.#outgoing = null
        else this.#full = !this.#sink.send(next.value)
      }
    } catch (error) {
      this.#fail(error)
    }
  }

  #next(): Iterator<object> | null {
    const request = this.#requests.shift()
    if (request === 'half-close') {
      this.cancel()
      this.#sink.end()
      return null
    }
    if (request) return this.#serve(request)
    return this.#changed.size > 0 && !this.#scheduled ? this.#tell() : null
  }

  #serve(request: ListenRequest): Iterator<object> {
    const database = this.#databaseOf(request)
    if (request.targetChange === 'addTarget' && request.addTarget) return this.#add(database, request.addTarget)
    if (request.targetChange === 'removeTarget') return this.#remove(request.removeTarget)
    throw invalid('A target to add or to remove is required.')
  }

  #databaseOf({ database }: ListenRequest): Database {
    const name = database === '' && this.#database ? this.#database.name : parseDatabaseName(database)
    this.#database ??= this.#engine.database(name)
    if (name === this.#database.name) return this.#database
    throw invalid(
      `Request specified a database (${name}) that did not match the expected database (${this.#database.name})`,
    )
  }

  #add(database: Database, message: TargetMessage): Iterator<object> {
    const id = message.targetId === 0 ? this.#lastId + 1 : message.targetId
    if (id < 0) throw invalid('target_id must be positive.')
    if (this.#listeners.has(id)) throw invalid(`Target id ${id} is already in use on this stream.`)
    this.#lastId = Math.max(this.#lastId, id)
    let target: Target
    try {
      if (message.targetId === 0) this.#assignsIds = true
      else if (this.#assignsIds) throw invalid('The ids of targets are assigned by the server on this stream.')
      target = parseTarget({ engine: this.#engine, principal: this.#principal, database }, message)
      target.authorise()
    } catch (error) {
      if (error instanceof StatusError) return [removed(id, error)].values()
      throw error
    }
    const opening = openTarget(this.#engine, target, message)
    // The targets that are there already come to the same moment.
    const others = this.#collect()
    const now = this.#moment(this.#engine.store.timeline.read())
    if (!message.once) this.#watch(id, target)
    return this.#snapshot(others, now, {
      opening: openingResponses(id, target, opening, now),
      closing: message.once ? [removed(id)] : [],
    })
  }

  #remove(id: number): Iterator<object> {
    const listener = this.#listeners.get(id)
    if (!listener) return [].values()
    this.#unwatch(listener)
    return [removed(id)].values()
  }

  /** What has changed since the client was last told, at the time of the last commit that changed it. */
  #tell(): Iterator<object> {
    const collected = this.#collect()
    if (collected.deltas.size === 0 && collected.refused.length === 0) return [].values()
    return this.#snapshot(collected, this.#moment(this.#touchedAt))
  }

  *#snapshot(
    { deltas, refused }: Collected,
    now: Moment,
    { opening = [], closing = [] }: { opening?: Iterable<object>; closing?: Iterable<object> } = {},
  ): Generator<object> {
    yield* refused
    for (const delta of deltas) yield changed(delta, now.time)
    yield* opening
    yield snapshot(now)
    yield* closing
  }

  /** Brings all targets to the latest state. */
  #collect(): Collected {
    const deltas = new Deltas()
    const refused: object[] = []
    for (const listener of this.#changed) {
      const { id, target, changes } = listener
      listener.changes = new Map()
      try {
        target.authorise(changes.size > 0 ? changes.keys() : undefined)
        const shown = target.view.apply(changes)
        for (const [node, isShown] of shown) deltas.add(node, id, isShown, target.projection)
      } catch (error) {
        if (!(error instanceof StatusError)) throw error
        this.#unwatch(listener)
        refused.push(removed(id, error))
      }
    }
    this.#changed.clear()
    return { deltas, refused }
  }

  /**
   * Tells an idle client that all it knows is still so: the token that it gets does not grow old. Who may see a target no
   * more, since the rules are others now, is told so.
   */
  #beat(): void {
    if (this.#over || this.#full || this.#outgoing || this.#listeners.size === 0) return
    for (const listener of this.#listeners.values()) this.#changed.add(listener)
    const collected = this.#collect()
    const now = this.#moment(this.#engine.store.timeline.read())
    this.#outgoing = this.#snapshot(collected, now)
    this.#pump()
  }

  #moment(time: number): Moment {
    this.#time = Math.max(this.#time, time)
    return { time: this.#time, resumeToken: resumeTokenOf(this.#engine, this.#time) }
  }

  #watch(id: number, target: Target): void {
    const listener = new Listener(id, target, (touched, time) => this.#touched(touched, time))
    this.#listeners.set(id, listener)
    for (const place of target.places) this.#engine.watches.add(place, listener)
  }

  #unwatch(listener: Listener): void {
    this.#listeners.delete(listener.id)
    this.#changed.delete(listener)
    for (const place of listener.target.places) this.#engine.watches.remove(place, listener)
  }

  #touched(listener: Listener, time: number): void {
    this.#changed.add(listener)
    this.#touchedAt = time
    if (this.#scheduled) return
    this.#scheduled = true
    // Not within the commit, whose caller waits; and commits that come together make one snapshot.
    setImmediate(() => {
      this.#scheduled = false
      this.#pump()
    })
  }
}
