import { separatorBytes } from '@infinity-matrix/contracts'
import { BatcherClosedError, BufferFullError, EventRefusedError, NotSentError } from './errors.ts'
import type { EncodedEvent, OutgoingEvent, Outcome, Transport } from './transport.ts'

export interface BatcherOptions {
  transport: Transport
  /** So long an event waits for others to travel with. */
  lingerMs?: number
  /** Batches under way at once, each with other agents. */
  sendsAtOnceMax?: number
  /** With so much text waiting or under way, no more is taken. */
  bufferBytesMax?: number
}

export type Accepted = Extract<Outcome, { status: 'accepted' }>

interface Pending {
  event: EncodedEvent
  promise: Promise<Accepted>
  settle: (accepted: Accepted) => void
  fail: (error: Error) => void
}

/** One agent's events that wait, in their order. Those of a batch are under way until it is known what became of them. */
interface Lane {
  waiting: Pending[]
  waitingBytes: number
  isUnderWay: boolean
}

const encoder = new TextEncoder()

/**
 * Gathers events into batches: a batch goes when it is full (by bytes or events), or when its oldest event has lingered. An
 * agent's events stay in their order and together, so that the control plane writes the agent once: only one batch with
 * events of an agent is under way at a time, whatever the transport has to try again.
 */
export const createBatcher = ({
  transport,
  lingerMs = 20,
  sendsAtOnceMax = 4,
  bufferBytesMax = 16 * 1024 * 1024,
}: BatcherOptions) => {
  const lanes = new Map<string, Lane>()
  const pending = new Set<Pending>()
  // Of lanes that are not under way: what the next batch can be made of.
  const ready = { events: 0, bytes: 0 }
  let bufferedBytes = 0
  let sendsUnderWay = 0
  let isDue = false
  let isClosed = false
  let timer: ReturnType<typeof setTimeout> | undefined
  const waitingForRoom: (() => void)[] = []

  const setReady = (lane: Lane, sign: 1 | -1) => {
    ready.events += sign * lane.waiting.length
    ready.bytes += sign * lane.waitingBytes
  }

  /**
   * Takes an event, which must not be changed any more.
   *
   * @returns when it is accepted
   * @throws {EventRefusedError} it breaks a rule
   * @throws {NotSentError} its batch could not be sent; it may be added again, before others of its agent
   * @throws {BufferFullError} it is not taken: wait for `ready` first
   * @throws {BatcherClosedError} it is not taken
   */
  const add = async (event: OutgoingEvent): Promise<Accepted> => {
    if (isClosed) throw new BatcherClosedError('the batcher is closed')
    if (bufferedBytes >= bufferBytesMax) throw new BufferFullError(`${bufferedBytes} of ${bufferBytesMax} bytes wait`)
    const text = JSON.stringify(event)
    const bytes = encoder.encode(text).length
    if (bytes > transport.bytesMax) {
      const rule = `must be at most ${transport.bytesMax} bytes, and has ${bytes}`
      throw new EventRefusedError({ code: 'too-large', field: '', rule })
    }
    const { promise, resolve, reject } = Promise.withResolvers<Accepted>()
    const added: Pending = { event: { type: event.type, text, bytes }, promise, settle: resolve, fail: reject }
    pending.add(added)
    bufferedBytes += bytes
    enqueue(event.subject, added)
    pump()
    return promise
  }

  const enqueue = (agent: string, added: Pending) => {
    const lane = lanes.get(agent) ?? { waiting: [], waitingBytes: 0, isUnderWay: false }
    lanes.set(agent, lane)
    const bytes = added.event.bytes + separatorBytes
    lane.waiting.push(added)
    lane.waitingBytes += bytes
    if (lane.isUnderWay) return
    ready.events += 1
    ready.bytes += bytes
  }

  const isFull = () => ready.events >= transport.eventsMax || ready.bytes - separatorBytes >= transport.bytesMax

  const pump = () => {
    while (sendsUnderWay < sendsAtOnceMax && ready.events > 0 && (isDue || isFull())) void send(takeBatch())
    if (ready.events === 0) isDue = false
    else if (!isDue) timer ??= setTimeout(linger, lingerMs)
  }

  const linger = () => {
    timer = undefined
    isDue = true
    pump()
  }

  /** As many agents as fit, those first whose turn is longest ago, each with as many of its events as fit. */
  const takeBatch = (): Map<string, Pending[]> => {
    const batch = new Map<string, Pending[]>()
    let events = 0
    let bytes = -separatorBytes
    for (const [agent, lane] of lanes) {
      if (lane.isUnderWay) continue
      const fitting = lane.waiting.findIndex(({ event }) => {
        bytes += event.bytes + separatorBytes
        events += 1
        return events > transport.eventsMax || (events > 1 && bytes > transport.bytesMax)
      })
      if (fitting === 0) break
      batch.set(agent, takeFrom(lane, fitting))
      if (fitting > 0) break
    }
    return batch
  }

  /** @param count -1 for all */
  const takeFrom = (lane: Lane, count: number): Pending[] => {
    setReady(lane, -1)
    const taken = lane.waiting.splice(0, count < 0 ? lane.waiting.length : count)
    lane.waitingBytes -= taken.reduce((sum, { event }) => sum + event.bytes + separatorBytes, 0)
    lane.isUnderWay = true
    return taken
  }

  const send = async (batch: ReadonlyMap<string, Pending[]>): Promise<void> => {
    sendsUnderWay++
    const sent = [...batch.values()].flat()
    try {
      const outcomes = await transport.send(sent.map(({ event }) => event))
      sent.forEach((one, index) => settle(one, outcomes[index]))
    } catch (cause) {
      for (const { fail } of sent) fail(new NotSentError('the batch could not be sent', { cause }))
    }
    sendsUnderWay--
    for (const agent of batch.keys()) release(agent)
    for (const one of sent) {
      pending.delete(one)
      bufferedBytes -= one.event.bytes
    }
    if (bufferedBytes < bufferBytesMax) for (const proceed of waitingForRoom.splice(0)) proceed()
    pump()
  }

  const settle = ({ settle: accept, fail }: Pending, outcome: Outcome | undefined) => {
    if (outcome === undefined) fail(new NotSentError('the transport does not say what became of the event'))
    else if (outcome.status === 'accepted') accept(outcome)
    else fail(new EventRefusedError(outcome.problem))
  }

  const release = (agent: string) => {
    const lane = lanes.get(agent)
    if (lane === undefined) return
    lanes.delete(agent)
    if (lane.waiting.length === 0) return
    // Behind the others, which had no turn; it has waited for the batch before it, and need not linger.
    lanes.set(agent, lane)
    lane.isUnderWay = false
    setReady(lane, 1)
    isDue = true
  }

  /** Resolves when there is room for one more event. Several that wait are let in together. */
  const whenReady = async (): Promise<void> => {
    if (bufferedBytes >= bufferBytesMax) await new Promise<void>((resolve) => waitingForRoom.push(resolve))
  }

  /** Sends what waits without lingering, and resolves when it is known what became of all that was added until now. */
  const flush = async (): Promise<void> => {
    isDue = true
    pump()
    await Promise.allSettled([...pending].map(({ promise }) => promise))
  }

  /** Takes no more, and flushes. */
  const close = async (): Promise<void> => {
    isClosed = true
    await flush()
    clearTimeout(timer)
  }

  return { add, ready: whenReady, flush, close }
}

export type Batcher = ReturnType<typeof createBatcher>
