/** One accepted event as it was archived. `raw` is its own JSON text; `publishedAt` is UTC with milliseconds. */
export interface ArchivedEvent {
  agentId: string
  publishedAt: string
  raw: string
}

/** Which events; what is left out excludes none. */
export interface EventFilter {
  agentIds?: ReadonlySet<string>
  tenant?: string
  /** A type with its version, as it was sent. */
  type?: string
  /** Publish times, UTC in milliseconds since 1970: from `fromMs` on, up to and with `untilMs`. */
  fromMs?: number
  untilMs?: number
}

/** What is kept of what agents published. Small, so that whatever holds the tables can be read behind it. */
export interface Archive {
  /**
   * The events of each agent together, agents in the order of their ids' bytes, events in the order of their publication.
   * An event that was published or archived more than once comes once.
   */
  events(filter?: EventFilter): AsyncIterable<ArchivedEvent>
}
