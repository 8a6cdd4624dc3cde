import { hash, randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { chainOf, collections, LedgerWindow, windowPartText, type WindowPart } from '@infinity-matrix/contracts'
import type { Recording } from '@infinity-matrix/core/fleet'
import { joined, leafHash, rootOf } from '@infinity-matrix/core/merkle'
import { LRUCache } from 'lru-cache'
import type { Context } from '../../runtime/context.ts'
import { isExisting } from '../../runtime/failure.ts'
import { controlPlaneActor, recordIn, sealSoon } from '../../runtime/ledger.ts'
import { sha256 } from '../../runtime/sha256.ts'
import type { FoldedAgent } from './folded-agent.ts'

interface NamedPart {
  window: string
  part: WindowPart
}
const partOf = ({ document }: FoldedAgent): NamedPart | undefined => {
  const chain = document && chainOf(document)
  if (!chain) return undefined
  const { head, length, window } = chain
  return { window, part: { agent: document.agentId, head, length, tenant: document.tenant } }
}

const agentsRemembered = 10_000
// Whoever stored the agent has not recorded it yet, mostly; or never will, when it was killed in between.
const recheckMs = [200, 1000]

/**
 * The ledger's part in folding: each commit is a window, each agent's document names the last window that added to its
 * chain, and the window is recorded in the ledger, with a Merkle root over the heads of its agents' chains. That happens
 * after the documents are stored and before a delivery is acknowledged. An instance that dies in between leaves
 * documents that name a window which is not there: their deliveries come again, as duplicates, and with those it is found
 * and made good. Should another report of the agent come first, its window has the head that covers them all.
 */
export const createWindows = (context: Context) => {
  const { firestore, batches } = context
  /** By agent, the window that is known to have it recorded: its document names no other. */
  const recorded = new LRUCache<string, string>({ max: agentsRemembered })

  const open = (): Recording => ({ window: randomUUID(), hash: (text) => hash('sha256', text, 'base64') })

  /** @param name of the document, unique for what it has */
  const write = async (name: string, named: readonly NamedPart[]): Promise<void> => {
    const parts = named.map(({ part }) => windowPartText(part))
    const leaves = joined(parts.map((part) => leafHash(sha256, part)))
    const root = Buffer.from(rootOf(sha256, leaves)).toString('base64')
    const batch = firestore.batch()
    const window: LedgerWindow = {
      recordedAt: new Date(context.nowMs()).toISOString(),
      root,
      parts: parts.join('\n'),
    }
    batch.create(firestore.collection(collections.ledgerWindows).doc(name), window)
    recordIn(context, batch, [
      {
        kind: 'events-folded',
        action: 'events-folded',
        actor: controlPlaneActor('fleet-fold'),
        tenant: '*',
        subject: `${collections.ledgerWindows}/${name}`,
        outcome: 'done',
        details: { root, agents: parts.length },
      },
    ])
    // Whoever is woken looks for longer than a commit takes: nothing waits for both in turn.
    await Promise.all([batch.commit(), sealSoon(context)])
  }

  const remember = (named: readonly NamedPart[]) => {
    for (const { window, part } of named) recorded.set(part.agent, window)
  }

  const isKnown = ({ window, part }: NamedPart): boolean => recorded.get(part.agent) === window

  /** Those of the parts that no document has. */
  const missingOf = async (named: readonly NamedPart[]): Promise<NamedPart[]> => {
    const pathOf = (name: string) => `${collections.ledgerWindows}/${name}`
    const windows = [...new Set(named.map(({ window }) => window))]
    const found = await batches.readAll(windows.map(pathOf))
    const partsIn = new Map(
      found.map((document, index) => [
        windows[index],
        new Set(document ? LedgerWindow.parse(document.fields).parts.split('\n') : []),
      ]),
    )
    const missing = named.filter(({ window, part }) => !partsIn.get(window)?.has(windowPartText(part)))
    remember(named.filter((one) => !missing.includes(one)))
    return missing
  }

  /** Makes good what an instance that died, or is still at it, left unrecorded. */
  const heal = async (named: readonly NamedPart[]): Promise<void> => {
    let missing = await missingOf(named)
    for (const waitMs of recheckMs) {
      if (missing.length === 0) return
      await delay(waitMs)
      missing = await missingOf(missing)
    }
    const healOne = async (one: NamedPart) => {
      // Another instance that has the same deliveries does the same.
      await write(`${one.window}:${one.part.agent}`, [one]).catch((error: unknown) => {
        if (!isExisting(error)) throw error
      })
    }
    await Promise.all(missing.map(healOne))
    remember(missing)
  }

  /** Records what a commit stored, and what is delivered again of commits that nobody recorded. */
  const record = async ({ window }: Recording, stored: readonly FoldedAgent[]): Promise<void> => {
    const own: NamedPart[] = []
    const again: NamedPart[] = []
    for (const share of stored) {
      const named = partOf(share)
      if (named?.window === window) own.push(named)
      else if (named && share.verdicts.includes('duplicate') && !isKnown(named)) again.push(named)
    }
    await Promise.all([own.length > 0 && write(window, own), again.length > 0 && heal(again)])
    remember(own)
  }

  return { open, record }
}

export type Windows = ReturnType<typeof createWindows>
