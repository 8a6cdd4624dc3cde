import type { EvmAnchor } from '@infinity-matrix/contracts'
import type { Hex, RpcBlock } from 'viem'
import { ChainError, hexOf } from './chain.ts'

type Block = RpcBlock<'latest', true>

// In the order of a header's RLP; later forks add at the end, and blocks before them have none of it.
const headerFields = [
  'parentHash',
  'sha3Uncles',
  'miner',
  'stateRoot',
  'transactionsRoot',
  'receiptsRoot',
  'logsBloom',
  'difficulty',
  'number',
  'gasLimit',
  'gasUsed',
  'timestamp',
  'extraData',
  'mixHash',
  'nonce',
  'baseFeePerGas',
  'withdrawalsRoot',
  'blobGasUsed',
  'excessBlobGas',
  'parentBeaconBlockRoot',
  'requestsHash',
] as const
const numbers: ReadonlySet<string> = new Set([
  'difficulty',
  'number',
  'gasLimit',
  'gasUsed',
  'timestamp',
  'baseFeePerGas',
  'blobGasUsed',
  'excessBlobGas',
])

/**
 * How a transaction is found in a block: the block's header, and the Merkle-Patricia proof of the transaction in it. Both are
 * made anew out of what the node tells, and are those of the block, or none.
 *
 * @see https://ethereum.org/en/developers/docs/data-structures-and-encoding/patricia-merkle-trie/
 * @throws {ChainError} where the block has a form that is not known here
 */
export const evidenceIn = async (block: Block, hash: Hex, chainId: number): Promise<EvmAnchor['evidence']> => {
  const [{ RLP }, { createMerkleProof, MerklePatriciaTrie }, viem] = await Promise.all([
    import('@ethereumjs/rlp'),
    import('@ethereumjs/mpt'),
    import('viem'),
  ])
  const { bytesToHex, formatTransaction, hexToBytes, keccak256, serializeTransaction } = viem
  const told: Readonly<Record<string, unknown>> = { ...block }
  const fields = headerFields.flatMap((name) => {
    const value = told[name]
    if (typeof value !== 'string') return []
    return [numbers.has(name) ? BigInt(value) : hexToBytes(hexOf(value))]
  })
  const header = bytesToHex(RLP.encode(fields))
  if (keccak256(header) !== block.hash) throw new ChainError(`the header of block ${block.hash} has other fields`)

  const trie = new MerklePatriciaTrie()
  for (const [index, transaction] of block.transactions.entries()) {
    const { r, s, v, yParity, input, ...known } = formatTransaction(transaction)
    const signature = { r, s, v, ...(yParity !== undefined && { yParity }) }
    const raw = serializeTransaction({ ...known, data: input }, signature)
    await trie.put(RLP.encode(index), hexToBytes(raw))
  }
  if (bytesToHex(trie.root()) !== block.transactionsRoot)
    throw new ChainError(`block ${block.hash} has transactions of a kind that is not known`)
  const transactionIndex = block.transactions.findIndex((transaction) => transaction.hash === hash)
  if (transactionIndex === -1) throw new ChainError(`block ${block.hash} has no transaction ${hash}`)
  const proof = await createMerkleProof(trie, RLP.encode(transactionIndex))
  return { chainId, header, transactionIndex, proof: proof.map((node) => bytesToHex(node)) }
}
