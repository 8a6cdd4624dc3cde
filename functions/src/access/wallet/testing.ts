import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { Common, Mainnet } from '@ethereumjs/common'
import { createEVM } from '@ethereumjs/evm'
import { createAddressFromString, hexToBytes, type PrefixedHexString } from '@ethereumjs/util'
import { z } from 'zod'

/** Code that answers every call with four bytes, such as ERC-1271's for a good signature. */
const answering = (bytes: string): PrefixedHexString => `0x63${bytes}60e01b60005260206000f3`
const contracts = {
  yes: { address: '0x00000000000000000000000000000000000C0DE1', code: answering('1626ba7e') },
  no: { address: '0x00000000000000000000000000000000000c0dE2', code: answering('ffffffff') },
} as const

const Request = z.object({
  id: z.unknown(),
  method: z.string(),
  params: z.array(z.unknown()).default([]),
})
const hex = z.custom<PrefixedHexString>((value) => typeof value === 'string' && value.startsWith('0x'))
const Call = z.object({ to: hex.optional(), data: hex })

/** A node of a chain in this process, with a contract wallet that signed everything, and one that signed nothing. */
export const startNode = async (chainId: number) => {
  const evm = await createEVM({ common: new Common({ chain: Mainnet }) })
  for (const { address, code } of Object.values(contracts))
    await evm.stateManager.putCode(createAddressFromString(address), hexToBytes(code))

  const call = async ({ to, data }: z.infer<typeof Call>): Promise<string> => {
    await evm.journal.checkpoint()
    const { execResult } = await evm.runCall({
      ...(to !== undefined && { to: createAddressFromString(to) }),
      data: hexToBytes(data),
      gasLimit: 10_000_000n,
    })
    await evm.journal.revert()
    if (execResult.exceptionError) throw new Error('execution reverted')
    return `0x${Buffer.from(execResult.returnValue).toString('hex')}`
  }
  const answer = async (method: string, [first]: readonly unknown[]): Promise<string> => {
    if (method === 'eth_chainId') return `0x${chainId.toString(16)}`
    if (method === 'eth_call') return call(Call.parse(first))
    throw new Error(`there is no ${method} here`)
  }

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { id, method, params } = Request.parse(await json(request))
    const result = await answer(method, params).then(
      (value) => ({ result: value }),
      (error: unknown) => ({ error: { code: 3, message: String(error) } }),
    )
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ jsonrpc: '2.0', id, ...result }))
  }
  const server = createServer((request, response) => void serve(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    yes: contracts.yes.address,
    no: contracts.no.address,
    close: async () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
