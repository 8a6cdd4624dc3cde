import { createHmac, hkdfSync } from 'node:crypto'
import type { SigningSecret } from '@infinity-matrix/contracts'
import type { Context } from '../../runtime/context.ts'
import type { Secrets } from '../../runtime/secrets.ts'

const secretName = 'deliveries'
const keyBytes = 32

/** What is delivered: its id is the same however often it comes. */
export interface Signed {
  id: string
  body: Uint8Array
}

/**
 * Signs deliveries for their endpoints. One secret of ours stands behind the keys of all subscriptions (HKDF, RFC 5869); while
 * it has two versions each delivery has two signatures, so that an endpoint may go over to the new one when it likes.
 *
 * @see https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export const createSigning = ({ own }: Pick<Secrets, 'own'>, nowMs: Context['nowMs']) => {
  const keysOf = async (subscription: string) =>
    (await own(secretName)).map(({ value, createdAt }) => {
      const info = `infinity-matrix delivery to ${subscription}`
      return { key: Buffer.from(hkdfSync('sha256', value, '', info, keyBytes)), createdAt }
    })

  /** The headers by which an endpoint knows that a delivery is ours, and not an old one that somebody sends again. */
  const sign = async (subscription: string, { id, body }: Signed): Promise<Record<string, string>> => {
    const timestamp = String(Math.floor(nowMs() / 1000))
    const signatures = (await keysOf(subscription)).map(
      ({ key }) => `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64')}`,
    )
    return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') }
  }

  /** What its endpoint verifies them with, the newest first. */
  const secretsOf = async (subscription: string): Promise<SigningSecret[]> =>
    (await keysOf(subscription)).map(({ key, createdAt }) => ({ secret: `whsec_${key.toString('base64')}`, createdAt }))

  return { sign, secretsOf }
}
