/** What became of a subscription's messages, by Pub/Sub's ids. */
export interface DeliveryLog {
  readonly deliveries: number
  /** Deliveries of messages that came before. */
  readonly redeliveries: number
  /** Messages that were acknowledged. */
  readonly acknowledged: number
  /** Messages that came, and are not acknowledged yet. */
  readonly unacknowledged: number
  readonly underWay: number
  /** From `performance.now()`: when the last delivery came or went. */
  readonly lastAtMs: number
  isAcknowledged: (messageId: string) => boolean
  begin: (messageId: string) => void
  end: (messageId: string, acknowledged: boolean) => void
}

export const createDeliveryLog = (): DeliveryLog => {
  const isDone = new Map<string, boolean>()
  const counts = { deliveries: 0, redeliveries: 0, acknowledged: 0, underWay: 0, lastAtMs: performance.now() }
  return {
    get deliveries() {
      return counts.deliveries
    },
    get redeliveries() {
      return counts.redeliveries
    },
    get acknowledged() {
      return counts.acknowledged
    },
    get unacknowledged() {
      return isDone.size - counts.acknowledged
    },
    get underWay() {
      return counts.underWay
    },
    get lastAtMs() {
      return counts.lastAtMs
    },
    isAcknowledged: (messageId) => isDone.get(messageId) === true,
    begin(messageId) {
      counts.lastAtMs = performance.now()
      counts.deliveries++
      counts.underWay++
      if (isDone.has(messageId)) counts.redeliveries++
      else isDone.set(messageId, false)
    },
    end(messageId, acknowledged) {
      counts.lastAtMs = performance.now()
      counts.underWay--
      if (!acknowledged || isDone.get(messageId) === true) return
      isDone.set(messageId, true)
      counts.acknowledged++
    },
  }
}
