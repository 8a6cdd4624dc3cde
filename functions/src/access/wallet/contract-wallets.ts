import { messageOf } from '../../runtime/failure.ts'
import { unavailable } from '../../runtime/problem.ts'

const nodeTimeoutMs = 5000

interface Signed {
  address: `0x${string}`
  message: string
  signature: `0x${string}`
}

/**
 * Whether the contract at an address says that it signed a message (ERC-1271), or would once it is deployed (ERC-6492).
 *
 * @param url of a node of the chain
 * @throws {RequestProblem} 503 where the node does not answer
 */
export const isSignedByContract = async (url: string, chainId: number, signed: Signed): Promise<boolean> => {
  const { createPublicClient, http } = await import('viem')
  const client = createPublicClient({ transport: http(url, { timeout: nodeTimeoutMs, retryCount: 1 }) })
  // Which viem takes for a contract that says no.
  const served = await client.getChainId().catch((error: unknown) => {
    throw Object.assign(unavailable(`No node of chain ${chainId} answers now.`, 5), { cause: messageOf(error) })
  })
  if (served !== chainId) throw new Error(`WALLET_RPC_URLS names a node of chain ${served} for chain ${chainId}`)
  return client.verifyMessage(signed)
}
