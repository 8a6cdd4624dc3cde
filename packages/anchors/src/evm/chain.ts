import type { EvmAttempt } from '@infinity-matrix/contracts'
import type { Hex, RpcBlock } from 'viem'

/** Where transactions are sent, and by whom. */
export interface EvmPlace {
  /** A node's JSON-RPC over HTTP. */
  rpcUrl: string
  chainId: number
  /** 32 bytes in hex digits, with or without `0x` before them. Its account pays. */
  privateKey: string
}

/** A node cannot be reached, or is not of the chain, or says no. Never with its URL, which may hold a key. */
export class ChainError extends Error {
  readonly code = 'chain-refused'
}

export interface Mined {
  hash: Hex
  blockHash: Hex
  blockNumber: bigint
}

export const hexOf = (text: string): Hex => `0x${text.replace(/^0x/, '')}`

// A node takes a transaction in place of one that it has for a tenth more; some want an eighth.
const raised = (fee: bigint): bigint => (fee * 9n) / 8n + 1n
const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b)

const keyPattern = /^(?:0x)?[0-9a-f]{64}$/i
const timeoutMs = 10_000

/** What is asked of a chain, by JSON-RPC. Loads its client when it is called, so that who only might use it does not. */
export const openChain = async ({ rpcUrl, chainId, privateKey }: EvmPlace) => {
  const [{ BaseError, createPublicClient, http, keccak256, toHex }, { privateKeyToAccount }] = await Promise.all([
    import('viem'),
    import('viem/accounts'),
  ])
  if (!keyPattern.test(privateKey)) throw new ChainError('the key of the anchoring account must be 64 hex digits')
  const account = privateKeyToAccount(hexOf(privateKey))
  const client = createPublicClient({ cacheTime: 0, transport: http(rpcUrl, { timeout: timeoutMs, retryCount: 1 }) })

  const asked = async <T>(answer: Promise<T>): Promise<T> => {
    try {
      return await answer
    } catch (error) {
      throw new ChainError(error instanceof BaseError ? `${error.shortMessage} ${error.details}`.trim() : 'no answer')
    }
  }

  const actual = await asked(client.getChainId())
  if (actual !== chainId) throw new ChainError(`the node is of chain ${actual}, and not of ${chainId}`)

  const head = () => asked(client.getBlockNumber())
  const nonceAt = (blockNumber?: bigint) =>
    asked(client.getTransactionCount({ address: account.address, ...(blockNumber !== undefined && { blockNumber }) }))

  /** A transaction of our account to itself, with fees above those of one that it is to replace. */
  const sign = async (data: string, nonce: number, replaced: EvmAttempt | undefined, nowMs: number) => {
    const call = { to: account.address, data: toHex(data) }
    const [gas, fees] = await Promise.all([
      asked(client.estimateGas({ account, ...call })),
      asked(client.estimateFeesPerGas()),
    ])
    const above = (fee: bigint, before: string | undefined) =>
      before === undefined ? fee : larger(fee, raised(BigInt(before)))
    const maxFeePerGas = above(fees.maxFeePerGas, replaced?.maxFeePerGas)
    const maxPriorityFeePerGas = above(fees.maxPriorityFeePerGas, replaced?.maxPriorityFeePerGas)
    const raw = await account.signTransaction({
      type: 'eip1559',
      chainId,
      nonce,
      gas,
      maxFeePerGas: larger(maxFeePerGas, maxPriorityFeePerGas),
      maxPriorityFeePerGas,
      ...call,
    })
    return {
      hash: keccak256(raw),
      raw,
      maxFeePerGas: String(larger(maxFeePerGas, maxPriorityFeePerGas)),
      maxPriorityFeePerGas: String(maxPriorityFeePerGas),
      signedAt: new Date(nowMs).toISOString(),
    } satisfies EvmAttempt
  }

  /** Sends a transaction, again if need be: a node that has it says so by an error, and knows it by its hash. */
  const send = async ({ hash, raw }: EvmAttempt): Promise<void> => {
    try {
      await asked(client.sendRawTransaction({ serializedTransaction: hexOf(raw) }))
    } catch (error) {
      const known = await asked(client.request({ method: 'eth_getTransactionByHash', params: [hexOf(hash)] }))
      if (!known) throw error
    }
  }

  /** The one of some transactions that is in a block of the chain as the node has it now. */
  const findMined = async (hashes: readonly string[]): Promise<Mined | undefined> => {
    for (const hash of hashes.map(hexOf)) {
      const receipt = await asked(client.request({ method: 'eth_getTransactionReceipt', params: [hash] }))
      if (receipt) return { hash, blockHash: receipt.blockHash, blockNumber: BigInt(receipt.blockNumber) }
    }
    return undefined
  }

  /** @throws {ChainError} where the node has it no longer */
  const blockOf = async ({ blockHash }: Mined): Promise<RpcBlock<'latest', true>> => {
    const params: [Hex, true] = [blockHash, true]
    const block = await asked(client.request({ method: 'eth_getBlockByHash', params }))
    if (!block) throw new ChainError(`there is no block ${blockHash}`)
    return block as RpcBlock<'latest', true>
  }

  return { head, nonceAt, sign, send, findMined, blockOf }
}

export type Chain = Awaited<ReturnType<typeof openChain>>
