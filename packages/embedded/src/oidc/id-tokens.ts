import { createHash } from 'node:crypto'
import type { CryptoKey, JWK } from 'jose'
import type { TimeSource } from '../clock/time-source.ts'

const ISSUER = 'https://accounts.google.com'
const LIFETIME_SECONDS = 3600
/** A token is used again until so many seconds before its end. */
const RENEWED_BEFORE_SECONDS = 600
const TOKENS_MAX = 1000

interface Key {
  kid: string
  signing: CryptoKey
  publicJwk: JWK
  privateJwk: JWK
}

/** Loaded when it is needed: it takes a tenth of the time in which the engine is ready. */
const jose = () => import('jose')

const keyOf = async (privateJwk: JWK): Promise<Key> => {
  const { kty, n, e } = privateJwk as JWK & { n: string; e: string }
  const { calculateJwkThumbprint, importJWK } = await jose()
  const kid = await calculateJwkThumbprint({ kty: kty ?? 'RSA', n, e })
  const publicJwk = { kty: kty ?? 'RSA', n, e, kid, alg: 'RS256', use: 'sig' }
  return { kid, signing: (await importJWK(privateJwk, 'RS256')) as CryptoKey, publicJwk, privateJwk }
}

const newKey = async (): Promise<Key> => {
  const { exportJWK, generateKeyPair } = await jose()
  const { privateKey } = await generateKeyPair('RS256', { extractable: true })
  return keyOf(await exportJWK(privateKey))
}

/** A number as those that Google's accounts have, the same for an e-mail address each time. */
const accountIdOf = (email: string): string =>
  BigInt(`0x${createHash('sha256').update(email).digest('hex')}`)
    .toString()
    .slice(0, 21)

/**
 * OpenID Connect tokens as a service account's are (https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions),
 * signed with a key of this engine's own, which is made when it is first needed.
 */
export class IdTokens {
  readonly #time: TimeSource
  readonly #issued = new Map<string, { token: Promise<string>; renewMs: number }>()
  /** Hears of a key that was made, as JSON, to keep it. */
  onNewKey: (privateJwk: string) => void = () => {}
  #key: Promise<Key> | undefined

  constructor(time: TimeSource) {
    this.#time = time
  }

  /** Goes on with the key of an earlier run, as `onNewKey` was given it. */
  useKey(privateJwk: string): void {
    this.#key = keyOf(JSON.parse(privateJwk) as JWK)
  }

  /** A token for `audience` that says it comes from `email`. The same one is given out until it is soon to expire. */
  issue(email: string, audience: string): Promise<string> {
    const cacheKey = JSON.stringify([email, audience])
    const known = this.#issued.get(cacheKey)
    if (known && this.#time.now() < known.renewMs) return known.token
    if (this.#issued.size >= TOKENS_MAX) this.#issued.clear()
    const token = this.#sign(email, audience)
    this.#issued.set(cacheKey, {
      token,
      renewMs: this.#time.now() + (LIFETIME_SECONDS - RENEWED_BEFORE_SECONDS) * 1000,
    })
    return token
  }

  /** The keys to check the tokens with, as https://www.googleapis.com/oauth2/v3/certs lists Google's. */
  async jwks(): Promise<{ keys: JWK[] }> {
    return { keys: [(await this.#ownKey()).publicJwk] }
  }

  #ownKey(): Promise<Key> {
    this.#key ??= newKey().then((key) => {
      this.onNewKey(JSON.stringify(key.privateJwk))
      return key
    })
    return this.#key
  }

  async #sign(email: string, audience: string): Promise<string> {
    const { kid, signing } = await this.#ownKey()
    const nowSeconds = Math.floor(this.#time.now() / 1000)
    const accountId = accountIdOf(email)
    const { SignJWT } = await jose()
    return new SignJWT({ azp: accountId, email, email_verified: true })
      .setProtectedHeader({ alg: 'RS256', kid, typ: 'JWT' })
      .setIssuer(ISSUER)
      .setAudience(audience)
      .setSubject(accountId)
      .setIssuedAt(nowSeconds)
      .setExpirationTime(nowSeconds + LIFETIME_SECONDS)
      .sign(signing)
  }
}
