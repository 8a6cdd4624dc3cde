import { hostOf, originsIn } from '@infinity-matrix/core/access'
import { passkeyDomain, signInOrigins, walletChainIds, walletRpcUrls } from '../../runtime/params.ts'
import { RequestProblem } from '../../runtime/problem.ts'

const notSetUp = (what: string, setting: string) =>
  new RequestProblem(404, { detail: `${what} are not set up here: ${setting} of the functions names none.` })

/** For which pages, and which domain, passkeys are. @throws {RequestProblem} 404 where there are none */
export const passkeySettings = (): { origins: string[]; domain: string } => {
  const origins = originsIn(signInOrigins.value())
  const domain = passkeyDomain.value() || hostOf(origins[0] ?? '')
  if (domain === undefined) throw notSetUp('Passkeys', 'SIGN_IN_ORIGINS')
  return { origins, domain }
}

const listIn = (setting: string): string[] => setting.split(',').flatMap((one) => one.trim() || [])

/** For which pages and chains wallets sign in. @throws {RequestProblem} 404 where there are none */
export const walletSettings = (): {
  origins: string[]
  chainIds: number[]
  rpcUrlOf: (chainId: number) => string | undefined
} => {
  const origins = originsIn(signInOrigins.value())
  if (origins.length === 0) throw notSetUp('Wallets', 'SIGN_IN_ORIGINS')
  const chainIds = listIn(walletChainIds.value()).map(Number)
  if (chainIds.length === 0) throw notSetUp('Wallets', 'WALLET_CHAIN_IDS')
  const rpcUrls = new Map(
    listIn(walletRpcUrls.value()).map((one) => [Number(one.split('=', 1)[0]), one.replace(/^\d+=/, '')]),
  )
  return { origins, chainIds, rpcUrlOf: (chainId) => rpcUrls.get(chainId) }
}
