import type { EvmAnchor } from '@infinity-matrix/contracts'
import { LedgerFault, parseNote } from '@infinity-matrix/core/ledger'
import { MerklePatriciaTrie, verifyMPTWithMerkleProof } from '@ethereumjs/mpt'
import { RLP } from '@ethereumjs/rlp'
import { keccak_256 } from '@noble/hashes/sha3.js'

/** Where these fields stand in the header of a block, and in a transaction of EIP-1559. */
const transactionsRootAt = 4
const timestampAt = 11
const headerFieldsMin = 15
const transactionType = 2
const chainIdAt = 0
const dataAt = 7

const bytesOf = (hex: string): Uint8Array => Buffer.from(hex.slice(2), 'hex')
const numberOf = (bytes: Uint8Array): number =>
  bytes.length === 0 ? 0 : Number(`0x${Buffer.from(bytes).toString('hex')}`)

/**
 * Follows a checkpoint's text, the calldata of a transaction, to the block that the transaction is in: by the proof to the
 * root of the block's transactions, which stands in its header, whose hash is the block's.
 *
 * @see https://ethereum.org/en/developers/docs/data-structures-and-encoding/patricia-merkle-trie/; EIP-1559, EIP-2718
 * @throws LedgerFault naming where the way breaks
 */
export const verifyEvmAnchor = async ({
  checkpoint,
  evidence,
}: EvmAnchor): Promise<{ id: string; timeSeconds: number }> => {
  const header = bytesOf(evidence.header)
  const fields = listOf(header, 'evidence.header')
  const root = fields[transactionsRootAt]
  const timestamp = fields[timestampAt]
  if (fields.length < headerFieldsMin || !root || !timestamp)
    throw new LedgerFault('evidence.header', 'is no header of a block')
  const transaction = await provedTransaction(root, evidence)
  if (transaction[0] !== transactionType) throw new LedgerFault('evidence.proof', 'leads to no transaction of EIP-1559')
  const transactionFields = listOf(transaction.subarray(1), 'evidence.proof')
  if (numberOf(transactionFields[chainIdAt] ?? new Uint8Array()) !== evidence.chainId)
    throw new LedgerFault('evidence.chainId', 'is not that of the transaction')
  const { text } = parseNote(checkpoint)
  if (Buffer.compare(transactionFields[dataAt] ?? new Uint8Array(), Buffer.from(text)) !== 0)
    throw new LedgerFault('checkpoint', 'its text is not the calldata of the transaction')
  return { id: `0x${Buffer.from(keccak_256(header)).toString('hex')}`, timeSeconds: numberOf(timestamp) }
}

const listOf = (bytes: Uint8Array, position: string): Uint8Array[] => {
  const decoded = decodedOf(bytes, position)
  if (!Array.isArray(decoded)) throw new LedgerFault(position, 'is no list in RLP')
  // What is a list of its own, such as an access list, is not asked about here.
  return decoded.map((item) => (item instanceof Uint8Array ? item : new Uint8Array()))
}

const decodedOf = (bytes: Uint8Array, position: string) => {
  try {
    return RLP.decode(bytes)
  } catch (error) {
    throw new LedgerFault(position, `is no RLP: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** The transaction that the trie with a root has at an index. */
const provedTransaction = async (root: Uint8Array, { transactionIndex, proof }: EvmAnchor['evidence']) => {
  const key = RLP.encode(transactionIndex)
  const nodes = proof.map(bytesOf)
  const transaction = await verifyMPTWithMerkleProof(new MerklePatriciaTrie(), root, key, nodes).catch(() => null)
  if (!transaction)
    throw new LedgerFault(
      'evidence.proof',
      `does not lead from the root of transactions to transaction ${transactionIndex}`,
    )
  return transaction
}
