import {
  ChannelDocument,
  collections,
  isReport,
  type AgentChange,
  type AgentEvent,
  type AgentsChanged,
  type SubscriptionDocument,
} from '@infinity-matrix/contracts'
import { channelReports, type Channelled } from '@infinity-matrix/core/events'
import { z } from 'zod'
import type { Context } from '../../runtime/context.ts'
import { isContention, overload } from '../../runtime/failure.ts'
import { createSubscribedTenants } from '../../runtime/subscribed-tenants.ts'
import { createDelivery } from './delivery.ts'
import { cacheSubscriptions, type Subscriptions } from './subscriptions.ts'

const attemptsMax = 20

/** What a report is kept as while it waits for its turn. */
const Told = z.object({ event: z.custom<AgentEvent>(), state: z.custom<AgentChange['state']>() })
type Told = z.infer<typeof Told>

/** Passes changes of agents on to their tenant's subscribers, each agent's reports in order. */
export const createDistributor = (context: Context, subscriptions: Subscriptions) => {
  const { batches, nowMs } = context
  const tenantsSince = createSubscribedTenants(context)
  const activeOf = cacheSubscriptions(subscriptions, nowMs)
  const { deliver } = createDelivery(context, subscriptions)
  // The channel of an agent is read, used and written by one at a time here; other instances lose by precondition.
  const busy = new Map<string, Promise<void>>()

  const inTurn = async (agentId: string, work: () => Promise<void>): Promise<void> => {
    const before = busy.get(agentId) ?? Promise.resolve()
    const turn = before.then(work, work)
    busy.set(agentId, turn)
    try {
      await turn
    } finally {
      if (busy.get(agentId) === turn) busy.delete(agentId)
    }
  }

  /**
   * Delivered first and noted after: a crash in between delivers again, with the same ids. Nothing is noted of what did
   * not reach the subscribers.
   */
  const throughChannel = async (
    agentId: string,
    decide: (known: ChannelDocument | undefined) => Channelled,
    send: (told: readonly Told[]) => Promise<void>,
  ): Promise<void> => {
    const path = `${collections.channels}/${agentId}`
    const sent = new Set<string>()
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const [stored] = await batches.readAll([path])
      const known = stored && ChannelDocument.parse(stored.fields)
      const { channel, due, isFull } = decide(known)
      if (isFull) throw overload(`too many reports of ${agentId} wait for a missing one`)
      const fresh = due.filter((json) => !sent.has(json))
      await send(fresh.map((json) => Told.parse(JSON.parse(json))))
      for (const json of fresh) sent.add(json)
      if (known && due.length === 0 && known.waiting.length === channel.waiting.length) return
      const [written] = await batches.writeAll([
        { path, fields: channel, ...(stored ? { after: stored.updateTime } : {}) },
      ])
      if (written?.status === 'fulfilled') return
      if (!isContention(written?.reason)) throw written?.reason
    }
    throw overload(`the channel of ${agentId} is contended`)
  }

  const distributeOne = async (
    { agentId, createdAt, state, events }: AgentChange,
    tenant: string,
    since: string,
    active: readonly SubscriptionDocument[],
  ): Promise<void> => {
    const send = (told: readonly Told[]) => deliver(active, agentId, told)
    const told = events.map((event) => ({ event, state }))
    if (active.every(({ order }) => order === 'none')) return send(told)
    const reports = told.filter(({ event }) => isReport(event))
    if (reports.length > 0) {
      const items = reports.flatMap((one) =>
        isReport(one.event)
          ? [
              {
                sequence: one.event.sequence,
                isSnapshot: one.event.type === 'agent.snapshot.v1',
                json: JSON.stringify(one),
              },
            ]
          : [],
      )
      const begin = { tenant, since, createdAt, now: new Date(nowMs()).toISOString() }
      await inTurn(agentId, () => throughChannel(agentId, (known) => channelReports(known, items, begin), send))
    }
    return send(told.filter(({ event }) => !isReport(event)))
  }

  /** Resolves when all of it has reached the subscribers, or waits for its turn in a channel. */
  const distribute = async ({ tenant, changes }: AgentsChanged): Promise<void> => {
    const [tenants, active] = [await tenantsSince(), await activeOf(tenant)]
    const since = tenants[tenant]
    if (since === undefined || active.length === 0) return
    const settled = await Promise.allSettled(changes.map((change) => distributeOne(change, tenant, since, active)))
    const failed = settled.find((result) => result.status === 'rejected')
    if (failed) throw failed.reason
  }

  return { distribute, throughChannel, activeOf }
}
