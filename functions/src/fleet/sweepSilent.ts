import { topics } from '@infinity-matrix/contracts'
import type { SilenceNews } from '@infinity-matrix/core/fleet'
import { once, type Context } from '../runtime/context.ts'
import { onTick } from '../runtime/on-tick.ts'
import { cellsPerRegion } from '../runtime/params.ts'
import { createCellStore, type CellSweep } from './cells.ts'
import { publishObservation } from './observations.ts'

const cells = once(({ firestore }: Context) => createCellStore(firestore, cellsPerRegion.value()))

const publishNews = (context: Context, { tenant, region }: CellSweep, { agentId, silence }: SilenceNews) => {
  const { tier, noticedAtMs, lastHeardAtMs, heardAgainAtMs, silenceBoundSeconds } = silence
  const address = { agentId, tenant, region, tier, atMs: noticedAtMs }
  const instant = (ms: number) => new Date(ms).toISOString()
  return heardAgainAtMs === null
    ? publishObservation(context, topics.stateChanges, address, {
        type: 'agent.went-silent.v1',
        data: { lastHeardAt: instant(lastHeardAtMs), silenceBoundSeconds },
      })
    : publishObservation(context, topics.stateChanges, address, {
        type: 'agent.heard-again.v1',
        data: { heardAt: instant(heardAgainAtMs) },
      })
}

/** Finds agents that went silent, and those that are heard again; each silence is told once, and each end. */
export const sweepSilent = onTick(
  { schedule: 'every 1 minutes', maxInstances: 1, timeoutSeconds: 55, memory: '256MiB' },
  async (context) => {
    const store = cells(context)
    const holder = context.newId()
    for (const cell of await store.list()) {
      const swept = await store.sweep(cell, holder, context.nowMs())
      if (swept === null) continue
      await Promise.all(swept.news.map((news) => publishNews(context, swept, news)))
      await store.confirm(cell, swept.token, context.nowMs())
    }
  },
)
