import type { CellDocument, Silence } from '@infinity-matrix/contracts'

type Silences = CellDocument['silent']

/** News about one agent's silence, to be published until it is confirmed. */
export interface SilenceNews {
  agentId: string
  silence: Silence
}

export interface Swept {
  silent: Silences
  /** In part news of an earlier sweep that died before it could confirm. */
  news: SilenceNews[]
  /** Agents that left long ago; no heartbeat of theirs can still be on its way. */
  forgotten: string[]
}

/** An agent that left is forgotten after this long. */
export const forgetAfterSeconds = 3600

/**
 * Compares a cell's heartbeats with the clock: who went silent, and who is heard again. Each silence is news once, until
 * `confirmSilences` has noted that it was published.
 *
 * @param nowMs the sweeping clock, in milliseconds since 1970
 */
export const sweepSilences = ({ heard, silent }: Pick<CellDocument, 'heard' | 'silent'>, nowMs: number): Swept => {
  const swept: Silences = {}
  const forgotten: string[] = []
  for (const [agentId, { heardAtMs, leftAtMs, silenceBoundSeconds, tier }] of Object.entries(heard)) {
    // An agent said that it leaves: its silence means nothing.
    if (leftAtMs !== null && leftAtMs >= heardAtMs) {
      if (nowMs - leftAtMs > forgetAfterSeconds * 1000) forgotten.push(agentId)
      continue
    }
    const known = Object.hasOwn(silent, agentId) ? silent[agentId] : undefined
    const isOverdue = nowMs - heardAtMs > silenceBoundSeconds * 1000
    const isEndKnown = known !== undefined && known.heardAgainAtMs !== null
    if (isOverdue && known?.lastHeardAtMs !== heardAtMs)
      swept[agentId] = {
        lastHeardAtMs: heardAtMs,
        heardAgainAtMs: null,
        noticedAtMs: nowMs,
        tier,
        silenceBoundSeconds,
        announced: false,
      }
    else if (known && !isOverdue && !isEndKnown)
      swept[agentId] = { ...known, heardAgainAtMs: heardAtMs, noticedAtMs: nowMs, announced: false }
    else if (known) swept[agentId] = known
  }
  const news = Object.entries(swept).filter(([, { announced }]) => !announced)
  return { silent: swept, news: news.map(([agentId, silence]) => ({ agentId, silence })), forgotten }
}

/** The silences after all their news was published: ended ones go. */
export const confirmSilences = (silent: Silences): Silences =>
  Object.fromEntries(
    Object.entries(silent)
      .filter(([, { heardAgainAtMs }]) => heardAgainAtMs === null)
      .map(([agentId, silence]) => [agentId, { ...silence, announced: true }]),
  )
