import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto'

/** As much of CBOR (RFC 8949) as an attestation object and a COSE key have: integers, bytes, texts and maps. */
type Cbor = number | string | Uint8Array | ReadonlyMap<Cbor, Cbor>

const head = (major: number, count: number): Buffer => {
  const type = major << 5
  if (count < 24) return Buffer.from([type | count])
  if (count < 256) return Buffer.from([type | 24, count])
  const bytes = Buffer.alloc(3, type | 25)
  bytes.writeUInt16BE(count, 1)
  return bytes
}
const encode = (value: Cbor): Buffer => {
  if (typeof value === 'number') return value < 0 ? head(1, -1 - value) : head(0, value)
  if (typeof value === 'string') return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)])
  if (value instanceof Uint8Array) return Buffer.concat([head(2, value.length), value])
  return Buffer.concat([head(5, value.size), ...[...value].flatMap(([name, held]) => [encode(name), encode(held)])])
}

const sha256 = (data: Uint8Array | string): Buffer => createHash('sha256').update(data).digest()
const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url')

const flags = { isPresent: 0x01, isVerified: 0x04, hasCredential: 0x40 } as const

/** What an authenticator, or the browser before it, may be made to do otherwise. */
export interface AuthenticatorTweaks {
  challenge?: string
  origin?: string
  domain?: string
  type?: string
  isVerified?: boolean
  /** What it says of how often it was used; one more each time unless given. */
  counter?: number
  /** Of the attestation that comes with a new key. */
  format?: string
}

/** Where the browser is, and with which domain it was asked. */
export interface AuthenticatorPlace {
  origin: string
  domain: string
}

/**
 * An authenticator of one passkey, and the browser before it: what it makes is what `navigator.credentials` of a page gives,
 * as JSON. Its key is ES256 and real.
 *
 * @see https://www.w3.org/TR/webauthn-3/#sctn-authenticator-data
 */
export const softwareAuthenticator = (place: AuthenticatorPlace) => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const credentialId = randomBytes(32)
  const id = base64url(credentialId)
  let used = 0

  const clientData = (type: string, challenge: string, tweaks: AuthenticatorTweaks): Buffer =>
    Buffer.from(
      JSON.stringify({
        type: tweaks.type ?? type,
        challenge: tweaks.challenge ?? challenge,
        origin: tweaks.origin ?? place.origin,
        crossOrigin: false,
      }),
    )

  const authenticatorData = (tweaks: AuthenticatorTweaks, attested?: Uint8Array): Buffer => {
    const counter = Buffer.alloc(4)
    counter.writeUInt32BE(tweaks.counter ?? used++)
    const flag =
      flags.isPresent | ((tweaks.isVerified ?? true) ? flags.isVerified : 0) | (attested ? flags.hasCredential : 0)
    const domain = sha256(tweaks.domain ?? place.domain)
    return Buffer.concat([domain, Buffer.from([flag]), counter, attested ?? Buffer.alloc(0)])
  }

  /** `navigator.credentials.create` */
  const create = (challenge: string, tweaks: AuthenticatorTweaks = {}) => {
    const length = Buffer.alloc(2)
    length.writeUInt16BE(credentialId.length)
    const attested = Buffer.concat([Buffer.alloc(16), length, credentialId, encode(coseKey(publicKey))])
    const attestationObject = encode(
      new Map<Cbor, Cbor>([
        ['fmt', tweaks.format ?? 'none'],
        ['attStmt', new Map()],
        ['authData', authenticatorData(tweaks, attested)],
      ]),
    )
    return {
      id,
      rawId: id,
      type: 'public-key',
      response: {
        clientDataJSON: base64url(clientData('webauthn.create', challenge, tweaks)),
        attestationObject: base64url(attestationObject),
        transports: ['internal'],
      },
      clientExtensionResults: {},
    }
  }

  /** `navigator.credentials.get` */
  const get = (challenge: string, tweaks: AuthenticatorTweaks = {}) => {
    const data = clientData('webauthn.get', challenge, tweaks)
    const authenticator = authenticatorData(tweaks)
    return {
      id,
      rawId: id,
      type: 'public-key',
      response: {
        clientDataJSON: base64url(data),
        authenticatorData: base64url(authenticator),
        signature: base64url(sign('sha256', Buffer.concat([authenticator, sha256(data)]), privateKey)),
      },
      clientExtensionResults: {},
    }
  }

  return { id, create, get }
}
export type SoftwareAuthenticator = ReturnType<typeof softwareAuthenticator>

/** RFC 9053, 7.1: an ES256 key. */
const coseKey = (key: KeyObject): ReadonlyMap<Cbor, Cbor> => {
  const { x = '', y = '' } = key.export({ format: 'jwk' })
  return new Map<Cbor, Cbor>([
    [1, 2],
    [3, -7],
    [-1, 1],
    [-2, Buffer.from(x, 'base64url')],
    [-3, Buffer.from(y, 'base64url')],
  ])
}
