import { hash } from 'node:crypto'
import { collections, platformTenant, WalletSignIn } from '@infinity-matrix/contracts'
import { walletOwner } from '@infinity-matrix/core/access'
import type { Context as Request, Hono } from 'hono'
import type { Context } from '../../runtime/context.ts'
import { record } from '../../runtime/ledger.ts'
import { readJson } from '../../runtime/request-body.ts'
import { openAccountsNow, type Accounts } from '../members/accounts.ts'
import { refuse } from '../sign-in/refuse.ts'
import { customTokenFor } from '../sign-in/tokens.ts'
import { createWalletSignIn, type Wallet } from './wallet.ts'

const limits = { mediaTypes: ['application/json'], bytesMax: 30_000 }
const uncached = { 'cache-control': 'no-store' }

/**
 * The account of a wallet: the same at each sign-in, on each instance, and without a table of them. A hash, since ids of
 * accounts stand in logs and in the ledger, and what somebody does with their address is to be seen by everybody.
 */
export const uidOfWallet = ({ address, chainId, isContract }: Wallet): string =>
  `wallet-${hash('sha256', walletOwner(address, isContract ? chainId : null)).slice(0, 40)}`

/** `/v1/sign-in/wallet`. */
export const serveWalletSignIn = (
  app: Hono,
  context: Context,
  accounts: () => Promise<Accounts> = openAccountsNow,
): void => {
  const wallets = createWalletSignIn(context)

  const signIn = async (request: Request) => {
    const verified = await wallets.verify(await readJson(request, WalletSignIn, limits))
    const happening = { tenant: platformTenant, subject: 'sign-in/wallet' }
    if (!verified.ok) throw await refuse(context, { ...happening, action: 'wallet-refused' }, verified.refusal)
    const { address, chainId, isContract } = verified.wallet
    const uid = uidOfWallet(verified.wallet)
    const known = await accounts()
    await known.ensure(uid, address)
    await record(context, [
      {
        ...happening,
        kind: 'authentication',
        action: 'wallet-signed-in',
        actor: { kind: 'person', id: uid },
        subject: `${collections.members}/${uid}`,
        outcome: 'allowed',
        details: { chainId, isContract },
      },
    ])
    return request.json(await customTokenFor(context, known, uid, {}), 200, uncached)
  }

  const nonce = async (request: Request) => request.json(await wallets.nonce(), 201, uncached)

  app.post('/v1/sign-in/wallet/nonce', (request) => nonce(request))
  app.post('/v1/sign-in/wallet', (request) => signIn(request))
}
