import type { EvmAttempt, EvmProgress } from '@infinity-matrix/contracts'
import { parseNote } from '@infinity-matrix/core/ledger'
import type { Anchorer } from '../anchorer.ts'
import { openChain, type Chain, type EvmPlace } from './chain.ts'
import { evidenceIn } from './evidence.ts'

export interface EvmAnchorerOptions extends EvmPlace {
  /** Blocks, its own among them, after which a transaction is taken to stay where it is. */
  confirmations: number
  nowMs: () => number
}

/** After that a transaction that is in no block is sent with higher fees. */
const patienceMinutes = 30
/** So many, each for an eighth more than the one before: they end at about 2.5 times the first. */
const attemptsMax = 8

/**
 * Anchors checkpoints as the calldata of transactions (EIP-1559) of an account to itself. What is signed is kept before it is
 * sent, and is sent until it is in a block: who dies in between neither loses nor doubles it. All that are signed for a
 * checkpoint have one nonce, so that the chain takes one of them; another nonce is taken only once that one is used up.
 */
export const evmAnchorer = ({ confirmations, nowMs, ...place }: EvmAnchorerOptions): Anchorer<EvmProgress> => ({
  kind: 'evm',
  advance: async (published, before, keep) => {
    const chain = await openChain(place)
    const { text } = parseNote(published)

    const signed = async (nonce: number, earlier: readonly EvmAttempt[]): Promise<EvmProgress> => {
      const attempt = await chain.sign(text, nonce, earlier.at(-1), nowMs())
      const progress = { nonce, attempts: [...earlier, attempt] }
      await keep(progress)
      return progress
    }

    /** What is to be sent now; null where it is to be seen first what comes of a nonce that another transaction took. */
    const toSend = async (): Promise<EvmProgress | null> => {
      const free = await chain.nonceAt()
      if (!before) return signed(free, [])
      const { nonce, attempts } = before
      if (free > nonce) return (await isUsedUp(chain, nonce, confirmations)) ? signed(free, []) : null
      const waitedMs = nowMs() - Date.parse(attempts.at(-1)?.signedAt ?? '')
      return waitedMs >= patienceMinutes * 60_000 && attempts.length < attemptsMax ? signed(nonce, attempts) : before
    }

    const mined = before ? await chain.findMined(before.attempts.map(({ hash }) => hash)) : undefined
    if (!mined) {
      const latest = (await toSend())?.attempts.at(-1)
      if (latest) await chain.send(latest)
      return null
    }
    if ((await chain.head()) - mined.blockNumber + 1n < BigInt(confirmations)) return null
    const evidence = await evidenceIn(await chain.blockOf(mined), mined.hash, place.chainId)
    return { kind: 'evm', checkpoint: published, evidence }
  },
})

/** Whether another transaction of the account took a nonce, so long ago that it stays so. */
const isUsedUp = async (chain: Chain, nonce: number, confirmations: number): Promise<boolean> => {
  const settled = (await chain.head()) - BigInt(confirmations)
  return settled >= 0n && (await chain.nonceAt(settled)) > nonce
}
