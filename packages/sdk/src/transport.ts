import type { Problem, foldVerdicts } from '@infinity-matrix/contracts'

/** An event as its agent says it: a CloudEvent in structured JSON, of which only these two are looked at. */
export interface OutgoingEvent {
  readonly type: string
  /** `agents/{agentId}` */
  readonly subject: string
}

/** An event as it travels: its JSON text. */
export interface EncodedEvent {
  readonly type: string
  readonly text: string
  /** Of `text`, as UTF-8. */
  readonly bytes: number
}

/** What became of an event. `verdict`: what the control plane made of it, where it says so at once. */
export type Outcome =
  | { status: 'accepted'; verdict?: (typeof foldVerdicts)[number] | undefined }
  | { status: 'refused'; problem: Problem }

/** The way that batches take to the control plane. */
export interface Transport {
  /** Of a batch, an event in each line. */
  readonly bytesMax: number
  readonly eventsMax: number
  /**
   * Sends a batch, and tries again where that may help: order is kept, since nothing else of its agents is sent meanwhile.
   *
   * @returns what became of each event, in their order
   * @throws when that cannot be known; some may have arrived
   */
  send: (batch: readonly EncodedEvent[]) => Promise<readonly Outcome[]>
}
