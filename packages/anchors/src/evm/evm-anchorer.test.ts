import type { EvmProgress } from '@infinity-matrix/contracts'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { verifyAnchor } from '@infinity-matrix/verifier'
import { startTestChain, type TestChain } from '../testing.ts'
import { evmAnchorer } from './evm-anchorer.ts'

const note = 'log.example/ledger\n20\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n'
const checkpoint = `${note}\n— log.example/ledger AAAAAAAAAAA=\n`
const confirmations = 3

let chain: TestChain
let atMs = 0
beforeEach(async () => {
  chain = await startTestChain()
  atMs = Date.parse('2026-01-01T00:00:00.000Z')
})
afterEach(() => chain.close())

/** Somebody who anchors, and may die: what it kept is there for the next one. */
const createScene = (change: { chainId?: number; privateKey?: string } = {}) => {
  const { rpcUrl, chainId, privateKey } = { ...chain, ...change }
  const anchorer = evmAnchorer({ rpcUrl, chainId, privateKey, confirmations, nowMs: () => atMs })
  let kept: EvmProgress | null = null
  const step = (afterKept: () => void = () => undefined) =>
    anchorer.advance(checkpoint, kept, async (progress) => {
      kept = progress
      afterKept()
    })
  return { step, kept: () => kept }
}

const mineSome = async (count: number) => {
  for (let block = 0; block < count; block++) await chain.mine()
}

describe('an anchor in a chain', () => {
  it('is made in steps: sent, waited for, and proved from its block', async () => {
    const { step, kept } = createScene()
    expect(await step()).toBeNull()
    expect(chain.waiting()).toEqual(kept()?.attempts.map(({ hash }) => hash))
    expect(await step()).toBeNull()
    const block = await chain.mine()
    expect(await step()).toBeNull()
    await mineSome(confirmations - 1)
    const anchor = await step()
    if (!anchor) throw new Error('not anchored')
    expect(anchor.evidence).toMatchObject({ chainId: 1, transactionIndex: 20 })
    expect(await verifyAnchor(anchor)).toEqual({
      kind: 'evm',
      id: `0x${Buffer.from(block.hash()).toString('hex')}`,
      timeSeconds: Number(block.header.timestamp),
    })
    await expect(verifyAnchor({ ...anchor, checkpoint: checkpoint.replace('\n20\n', '\n21\n') })).rejects.toThrow(
      'its text is not the calldata',
    )
    expect(chain.minedOfAccount()).toBe(1)
  })

  it('is the one of its last block, where a fork loses before it is confirmed', async () => {
    const { step } = createScene()
    await step()
    await mineSome(confirmations - 1)
    expect(await step()).toBeNull()
    await chain.reorganise(confirmations - 1)
    await chain.mine({ takesWaiting: false })
    expect(await step()).toBeNull()
    const block = await chain.mine()
    expect(await step()).toBeNull()
    await mineSome(confirmations - 1)
    const anchor = await step()
    if (!anchor) throw new Error('not anchored')
    expect((await verifyAnchor(anchor)).id).toBe(`0x${Buffer.from(block.hash()).toString('hex')}`)
    expect(chain.minedOfAccount()).toBe(1)
  })

  it('is neither lost nor doubled by who dies before sending, or is not answered', async () => {
    const { step, kept } = createScene()
    const dies = () => {
      throw new Error('killed')
    }
    await expect(step(dies)).rejects.toThrow('killed')
    expect(chain.waiting()).toEqual([])
    chain.faults.set('eth_sendRawTransaction', 'unanswered')
    await expect(step()).resolves.toBeNull()
    chain.faults.clear()
    expect(chain.waiting()).toEqual(kept()?.attempts.map(({ hash }) => hash))
    for (let again = 0; again < 5; again++) expect(await step()).toBeNull()
    expect(kept()?.attempts).toHaveLength(1)
    await mineSome(confirmations)
    expect(await step()).not.toBeNull()
    expect(chain.minedOfAccount()).toBe(1)
  })

  it('waits while its node is away, and says so without its address', async () => {
    const { step } = createScene()
    chain.faults.set('*', 'down')
    const failed = await step().catch((error: unknown) => error)
    expect(failed).toMatchObject({ code: 'chain-refused' })
    expect(String(failed)).not.toContain('127.0.0.1')
    chain.faults.clear()
    expect(await step()).toBeNull()
    await mineSome(confirmations)
    chain.faults.set('eth_getBlockByHash', 'down')
    await expect(step()).rejects.toMatchObject({ code: 'chain-refused' })
    chain.faults.clear()
    expect(await step()).not.toBeNull()
  })

  it('is sent with higher fees after a while, in place of the one before', async () => {
    const { step, kept } = createScene()
    for (let round = 1; round <= 12; round++) {
      await step()
      expect(chain.waiting()).toHaveLength(1)
      atMs += 31 * 60_000
    }
    const fees = kept()?.attempts.map(({ maxFeePerGas }) => Number(maxFeePerGas)) ?? []
    expect(fees).toHaveLength(8)
    expect(fees).toEqual(fees.toSorted((a, b) => a - b))
    await mineSome(confirmations)
    expect(await step()).not.toBeNull()
    expect(chain.minedOfAccount()).toBe(1)
  })

  it('takes another nonce once one is used up by something else, and not before', async () => {
    const { step, kept } = createScene()
    await step()
    await chain.spend(10n ** 12n)
    await chain.mine()
    expect(await step()).toBeNull()
    expect(kept()?.nonce).toBe(0)
    await mineSome(confirmations)
    expect(await step()).toBeNull()
    expect(kept()).toMatchObject({ nonce: 1, attempts: { length: 1 } })
    await mineSome(confirmations)
    expect(await step()).not.toBeNull()
    expect(chain.minedOfAccount()).toBe(2)
  })

  it.each([
    ['a node of another chain', { chainId: 5 }, 'the node is of chain 1, and not of 5'],
    ['a key that is none', { privateKey: '0x12' }, 'the key of the anchoring account must be 64 hex digits'],
  ])('is not sent by %s', async (_, change, rule) => {
    await expect(createScene(change).step()).rejects.toThrow(rule)
    expect(chain.waiting()).toEqual([])
  })
})
