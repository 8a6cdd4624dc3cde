import { hash } from 'node:crypto'
import { collections, countShards, topics, type FoldReceipt } from '@infinity-matrix/contracts'
import type { RefusedReport } from '@infinity-matrix/core/fleet'
import { once, type Context } from '../../runtime/context.ts'
import { keepDeadLetter } from '../../runtime/dead-letters.ts'
import { messageOf } from '../../runtime/failure.ts'
import { createErasedAgents } from '../../runtime/erased-agents.ts'
import { governor } from '../../runtime/governor.ts'
import { log } from '../../runtime/log.ts'
import { publish } from '../../runtime/publish.ts'
import { createCounter } from '../counts/counts.ts'
import { withErasedAgents } from './erased-agents.ts'
import { publishChanges } from './changes.ts'
import type { FoldedAgent } from './folded-agent.ts'
import { createFoldWindow } from './fold-window.ts'
import { receiptsOf } from './receipts.ts'
import { createAgentStore, type AgentStore } from './store.ts'
import { createWindows, type Windows } from './windows.ts'

const keepRefused = (context: Context, { agentId, tenant, sequence, raw, publishedAt, problem }: RefusedReport) =>
  keepDeadLetter(context, {
    // A parked report's message is long gone: its place in the history and what it says name it.
    id: `${agentId}-${sequence}-${hash('sha256', raw).slice(0, 16)}`,
    topic: topics.stateChanges.name,
    problem,
    original: Buffer.from(raw),
    messageId: '',
    attributes: { tenant },
    publishedAt,
  })

// A receipt that cannot be published must not undo what is stored, so the delivery succeeds without it.
const publishReceipts = async (context: Context, receipts: readonly FoldReceipt[]): Promise<void> => {
  try {
    const publishOne = (receipt: FoldReceipt) =>
      publish(context, topics.analytics.name, {
        json: receipt,
        attributes: { type: receipt.type, tenant: receipt.tenant },
      })
    await Promise.all(receipts.map(publishOne))
  } catch (error) {
    log.warn('receipt not published', { error: messageOf(error) })
  }
}

// All instances together write to agents no faster than Firestore takes as their load grows.
const createGovernedStore = (context: Context): AgentStore => {
  const store = createAgentStore(context.firestore, context.batches)
  return {
    ...store,
    saveAll: async (changes) => {
      await governor(context).admit(collections.agents, changes.length)
      return store.saveAll(changes)
    },
  }
}

/** The counter of this instance, in a shard that it draws. */
const counter = once((context: Context) => {
  const drawn = Number.parseInt(context.newId().slice(-4), 16)
  return createCounter(context, drawn % countShards)
})

const countFolded = (context: Context, folded: readonly FoldedAgent[]): Promise<void> =>
  counter(context).count(
    folded.flatMap(({ before, document, writtenAtMs }) =>
      writtenAtMs === undefined ? [] : [{ before, after: document, writtenAtMs }],
    ),
  )

/** A fold window on Firestore and Pub/Sub. */
export const createAgentFold = (context: Context, windows?: Windows) =>
  createFoldWindow({
    store: withErasedAgents(createGovernedStore(context), createErasedAgents(context)),
    refuse: (refused) => keepRefused(context, refused),
    distribute: (folded) => publishChanges(context, folded),
    ...(windows && { windows }),
    report: async (folded) => {
      const receipts = receiptsOf(folded, context.nowMs())
      await Promise.all([publishReceipts(context, receipts), countFolded(context, folded)])
    },
    nowMs: context.nowMs,
  })

/** The fold window of this instance. */
export const foldWindow = once((context: Context) => createAgentFold(context, createWindows(context)))
