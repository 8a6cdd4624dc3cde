// A chain in this process whose blocks an EVM executes, and a node of it that speaks JSON-RPC over HTTP.
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createBlock, type Block } from '@ethereumjs/block'
import { Common, Hardfork, Mainnet } from '@ethereumjs/common'
import { createFeeMarket1559Tx, createLegacyTx, createTxFromRLP, type TypedTransaction } from '@ethereumjs/tx'
import { bytesToHex, createAccount, createAddressFromPrivateKey, hexToBytes } from '@ethereumjs/util'
import { buildBlock, createVM } from '@ethereumjs/vm'

const common = new Common({ chain: Mainnet, hardfork: Hardfork.Shanghai })
const keyOf = (byte: number) => new Uint8Array(32).fill(byte)
const othersKey = keyOf(9)
const fees = { maxFeePerGas: 10n ** 10n, maxPriorityFeePerGas: 1n }
const header = { gasLimit: 30_000_000n, baseFeePerGas: 7n }
const firstSecond = 1_790_000_000n

const hexOf = (value: number | bigint) => `0x${value.toString(16)}`
const hashOf = (transaction: TypedTransaction) => bytesToHex(transaction.hash())
const senderOf = (transaction: TypedTransaction) => transaction.getSenderAddress().toString()
const feeOf = (transaction: TypedTransaction) => ('maxFeePerGas' in transaction ? transaction.maxFeePerGas : 0n)

/** What a node answers instead of a result. */
const refusal = (message: string) => Object.assign(new Error(message), { code: -32_000 })

interface Call {
  id: number
  method: string
  params?: unknown[]
}

export const startTestChain = async () => {
  const vm = await createVM({ common })
  const privateKey = keyOf(7)
  const account = createAddressFromPrivateKey(privateKey)
  const others = createAddressFromPrivateKey(othersKey)
  for (const address of [account, others])
    await vm.stateManager.putAccount(address, createAccount({ balance: 10n ** 20n }))
  const stateRoot = await vm.stateManager.getStateRoot()
  const blocks = [createBlock({ header: { ...header, number: 1n, timestamp: firstSecond, stateRoot } }, { common })]
  const pool = new Map<string, TypedTransaction>()
  const asked: string[] = []
  /** By method: what becomes of a call of it. `unanswered` ones are done all the same. */
  const faults = new Map<string, 'down' | 'unanswered'>()

  const head = (): Block => blocks.at(-1) ?? createBlock()
  const transactionsUpTo = (number: bigint) =>
    blocks.filter((block) => block.header.number <= number).flatMap((block) => block.transactions)
  const nonceOf = (address: string, number = head().header.number) =>
    transactionsUpTo(number).filter((transaction) => senderOf(transaction) === address.toLowerCase()).length

  /** Another block, of what waits, among transactions of others. @param gives whether what waits comes into it */
  const mine = async ({ takesWaiting = true } = {}): Promise<Block> => {
    const parentBlock = head()
    const number = parentBlock.header.number + 1n
    const builder = await buildBlock(vm, {
      parentBlock,
      headerData: { ...header, number, timestamp: parentBlock.header.timestamp + 12n },
      blockOpts: { putBlockIntoBlockchain: false },
    })
    let nonce = BigInt(nonceOf(others.toString()))
    const other = async () => {
      const fields = { nonce: nonce++, gasLimit: 100_000n, to: others, data: Buffer.from(`other ${number}`) }
      const made =
        nonce % 2n === 0n
          ? createLegacyTx({ ...fields, gasPrice: 10n ** 9n }, { common })
          : createFeeMarket1559Tx({ ...fields, ...fees, chainId: 1n }, { common })
      await builder.addTransaction(made.sign(othersKey))
    }
    for (let count = 0; count < 20; count++) await other()
    if (takesWaiting)
      for (const [hash, transaction] of pool) {
        await builder.addTransaction(transaction)
        pool.delete(hash)
      }
    for (let count = 0; count < 3; count++) await other()
    const { block } = await builder.build()
    blocks.push(block)
    return block
  }

  /** The latest blocks were of a fork that lost: what was in them waits again. */
  const reorganise = async (depth: number): Promise<void> => {
    for (const block of blocks.splice(-depth))
      for (const transaction of block.transactions)
        if (senderOf(transaction) !== others.toString()) pool.set(hashOf(transaction), transaction)
    await vm.stateManager.setStateRoot(head().header.stateRoot)
  }

  /** A transaction of the account that somebody else sends. */
  const spend = async (maxFeePerGas: bigint): Promise<void> => {
    const nonce = BigInt(nonceOf(account.toString()))
    const fields = { chainId: 1n, nonce, gasLimit: 100_000n, to: others, maxFeePerGas, maxPriorityFeePerGas: 2n }
    const transaction = createFeeMarket1559Tx(fields, { common }).sign(privateKey)
    pool.clear()
    pool.set(hashOf(transaction), transaction)
  }

  const take = (raw: string): string => {
    const transaction = createTxFromRLP(hexToBytes(raw as `0x${string}`), { common })
    const [hash, sender] = [hashOf(transaction), senderOf(transaction)]
    if (pool.has(hash)) throw refusal('already known')
    if (transaction.nonce < BigInt(nonceOf(sender))) throw refusal('nonce too low')
    for (const [known, other] of pool)
      if (senderOf(other) === sender && other.nonce === transaction.nonce) {
        if (feeOf(transaction) * 10n < feeOf(other) * 11n) throw refusal('replacement transaction underpriced')
        pool.delete(known)
      }
    pool.set(hash, transaction)
    return hash
  }

  const transactionJson = (transaction: TypedTransaction) => {
    const { gasLimit, data, v, ...json } = transaction.toJSON()
    const isTyped = transaction.type > 0
    return {
      ...json,
      hash: hashOf(transaction),
      from: senderOf(transaction),
      type: hexOf(transaction.type),
      gas: gasLimit,
      input: data,
      v,
      ...(isTyped && { yParity: v }),
    }
  }

  const blockJson = (block: Block | undefined, isFull: unknown) => {
    if (!block) return null
    const { header: told } = block.toJSON()
    return {
      hash: bytesToHex(block.hash()),
      parentHash: told?.parentHash,
      sha3Uncles: told?.uncleHash,
      miner: told?.coinbase,
      stateRoot: told?.stateRoot,
      transactionsRoot: told?.transactionsTrie,
      receiptsRoot: told?.receiptTrie,
      logsBloom: told?.logsBloom,
      difficulty: told?.difficulty,
      number: told?.number,
      gasLimit: told?.gasLimit,
      gasUsed: told?.gasUsed,
      timestamp: told?.timestamp,
      extraData: told?.extraData,
      mixHash: told?.mixHash,
      nonce: told?.nonce,
      baseFeePerGas: told?.baseFeePerGas,
      withdrawalsRoot: told?.withdrawalsRoot,
      transactions: block.transactions.map((one) => (isFull === true ? transactionJson(one) : hashOf(one))),
      uncles: [],
      size: '0x0',
    }
  }

  const find = (hash: unknown) => {
    for (const block of blocks) {
      const index = block.transactions.findIndex((transaction) => hashOf(transaction) === hash)
      const transaction = block.transactions[index]
      if (transaction) return { block, index, transaction }
    }
    return undefined
  }

  const answer = ({ method, params: [first, second] = [] }: Call): unknown => {
    switch (method) {
      case 'eth_chainId':
        return '0x1'
      case 'eth_blockNumber':
        return hexOf(head().header.number)
      case 'eth_getTransactionCount':
        return hexOf(nonceOf(String(first), String(second).startsWith('0x') ? BigInt(String(second)) : undefined))
      case 'eth_estimateGas':
        return hexOf(100_000)
      case 'eth_maxPriorityFeePerGas':
        return '0x1'
      case 'eth_getBlockByNumber':
        return blockJson(first === 'latest' ? head() : undefined, second)
      case 'eth_getBlockByHash':
        return blockJson(
          blocks.find((block) => bytesToHex(block.hash()) === first),
          second,
        )
      case 'eth_sendRawTransaction':
        return take(String(first))
      case 'eth_getTransactionByHash': {
        const transaction = pool.get(String(first)) ?? find(first)?.transaction
        return transaction ? transactionJson(transaction) : null
      }
      case 'eth_getTransactionReceipt': {
        const found = find(first)
        if (!found) return null
        const { hash, number } = { hash: found.block.hash(), number: found.block.header.number }
        const place = { blockHash: bytesToHex(hash), blockNumber: hexOf(number), transactionIndex: hexOf(found.index) }
        return { transactionHash: first, ...place, status: '0x1' }
      }
      default:
        throw refusal(`the method ${method} is not there`)
    }
  }

  const respond = (call: Call): object => {
    try {
      return { jsonrpc: '2.0', id: call.id, result: answer(call) }
    } catch (error) {
      const { message } = error as Error
      return { jsonrpc: '2.0', id: call.id, error: { code: -32_000, message } }
    }
  }

  const readCall = async (request: IncomingMessage): Promise<Call> => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(Buffer.from(chunk as Uint8Array))
    return JSON.parse(Buffer.concat(chunks).toString()) as Call
  }

  const server = createServer((request, response) => {
    void readCall(request).then((call) => {
      asked.push(call.method)
      const fault = faults.get(call.method) ?? faults.get('*')
      if (fault === 'down') return request.socket.destroy()
      const json = respond(call)
      if (fault === 'unanswered') return request.socket.destroy()
      return response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(json))
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')

  return {
    rpcUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    chainId: 1,
    privateKey: bytesToHex(privateKey),
    mine,
    reorganise,
    spend,
    faults,
    /** The methods that were called, in order. */
    asked,
    /** Hashes of what waits to come into a block. */
    waiting: () => [...pool.keys()],
    /** How many transactions of the account are in the chain. */
    minedOfAccount: () => nonceOf(account.toString()),
    close: async () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
export type TestChain = Awaited<ReturnType<typeof startTestChain>>
