import type { WalletNonce, WalletSignIn } from '@infinity-matrix/contracts'
import { signatureKind, walletFault } from '@infinity-matrix/core/access'
import { z } from 'zod'
import { once, type Context } from '../../runtime/context.ts'
import { createChallenges } from '../sign-in/challenges.ts'
import type { Refusal } from '../sign-in/refuse.ts'
import { walletSettings } from '../sign-in/settings.ts'
import { isSignedByContract } from './contract-wallets.ts'

// For wallets only, and loaded with the first of them.
const library = once(async (_: undefined) => {
  const [{ getAddress, recoverMessageAddress }, siwe] = await Promise.all([import('viem'), import('viem/siwe')])
  return { getAddress, recoverMessageAddress, ...siwe }
})

export interface Wallet {
  address: string
  chainId: number
  isContract: boolean
}
export type VerifiedWallet = { ok: true; wallet: Wallet } | { ok: false; refusal: Refusal }

const isHex = (text: unknown): text is `0x${string}` => typeof text === 'string' && text.startsWith('0x')
/** What viem reads from a message, where it is all there. */
const Message = z.object({
  scheme: z.string().exactOptional(),
  domain: z.string(),
  address: z.custom<`0x${string}`>(isHex),
  statement: z.string().exactOptional(),
  uri: z.string(),
  version: z.literal('1'),
  chainId: z.int(),
  nonce: z.string(),
  issuedAt: z.date(),
  expirationTime: z.date().exactOptional(),
  notBefore: z.date().exactOptional(),
  requestId: z.string().exactOptional(),
  resources: z.array(z.string()).exactOptional(),
})
type Message = z.infer<typeof Message>

const refused = (reason: string, field: string, rule: string): VerifiedWallet => ({
  ok: false,
  refusal: { reason, field, rule },
})
const formRefused = refused(
  'form',
  'message',
  'must be a message of EIP-4361 and nothing else, with times as 2026-01-31T12:00:00.000Z',
)

/**
 * Sign-in with Ethereum.
 *
 * @see https://eips.ethereum.org/EIPS/eip-4361
 */
export const createWalletSignIn = (context: Context) => {
  const challenges = createChallenges(context)

  /** What a message is to have as its nonce. */
  const nonce = async (): Promise<WalletNonce> => {
    walletSettings()
    const { challenge, expiresAt } = await challenges.issue('wallet-sign-in', null)
    return { nonce: Buffer.from(challenge).toString('hex'), expiresAt }
  }

  // viem reads what it finds somewhere in a text, and writes it in one way: only a text that it would write is taken.
  const messageIn = async (text: string): Promise<Message | undefined> => {
    const { createSiweMessage, parseSiweMessage, getAddress } = await library(undefined)
    const { data: message } = Message.safeParse(parseSiweMessage(text))
    if (!message) return undefined
    try {
      const written = createSiweMessage(message)
      return written.replace(getAddress(message.address), message.address) === text ? message : undefined
    } catch {
      return undefined
    }
  }

  const signerOf = async (message: Message, { message: text, signature }: WalletSignIn): Promise<VerifiedWallet> => {
    const { recoverMessageAddress } = await library(undefined)
    const { address, chainId } = message
    const kind = signatureKind(signature)
    if (kind === 'malleable' || !isHex(signature))
      return refused('signature', 'signature', 'must have s in the lower half of its range')
    const signed = { message: text, signature }
    if (kind === 'key') {
      const signer = await recoverMessageAddress(signed).catch(() => undefined)
      if (signer === address) return { ok: true, wallet: { address, chainId, isContract: false } }
    }
    const url = walletSettings().rpcUrlOf(chainId)
    if (url === undefined)
      return refused(
        'signature',
        'signature',
        `must be by the key of the message's address: contracts of chain ${chainId} are not asked here`,
      )
    if (await isSignedByContract(url, chainId, { ...signed, address }))
      return { ok: true, wallet: { address, chainId, isContract: true } }
    return refused('signature', 'signature', "must be by the message's address")
  }

  /** Whose wallet signed a message, for us and just now; its nonce is used up by that. */
  const verify = async (asked: WalletSignIn): Promise<VerifiedWallet> => {
    const { origins, chainIds } = walletSettings()
    const { getAddress } = await library(undefined)
    const message = await messageIn(asked.message)
    if (!message) return formRefused
    const { address, issuedAt, expirationTime, notBefore } = message
    if (getAddress(address) !== address)
      return refused('address', 'message.address', 'must be written as EIP-55 says, upper and lower case')
    const times = {
      issuedAtMs: issuedAt.getTime(),
      expiresAtMs: expirationTime?.getTime(),
      notBeforeMs: notBefore?.getTime(),
    }
    const fault = walletFault({ ...message, ...times }, { origins, chainIds, nowMs: context.nowMs() })
    if (fault) return refused(fault.field.slice('message.'.length), fault.field, fault.rule)
    const signer = await signerOf(message, asked)
    if (!signer.ok) return signer
    const { nonce: shown } = message
    const isTaken =
      /^[0-9a-f]{64}$/.test(shown) && (await challenges.take(Buffer.from(shown, 'hex'), 'wallet-sign-in', null))
    return isTaken ? signer : refused('nonce', 'message.nonce', 'must be one of ours, used once and in time')
  }

  return { nonce, verify }
}
