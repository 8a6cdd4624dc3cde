import { hash } from 'node:crypto'
import {
  challengeSeconds,
  parseJson,
  type ChallengePurpose,
  type Passkey,
  type PasskeyAssertion,
  type PasskeyRegistration,
} from '@infinity-matrix/contracts'
import { isDeclaredOrigin } from '@infinity-matrix/core/access'
import { z } from 'zod'
import { once, type Context } from '../../runtime/context.ts'
import { messageOf } from '../../runtime/failure.ts'
import { createChallenges } from '../sign-in/challenges.ts'
import type { Refusal } from '../sign-in/refuse.ts'
import { passkeySettings } from '../sign-in/settings.ts'

// The library brings parsers of certificates with it, and is loaded for the first passkey that an instance meets.
const library = once(async (_: undefined) => {
  const [ceremonies, helpers] = await Promise.all([
    import('@simplewebauthn/server'),
    import('@simplewebauthn/server/helpers'),
  ])
  return { ...ceremonies, ...helpers }
})

/** EdDSA, ES256 and RS256, by their numbers in COSE. */
const algorithms = [-8, -7, -257]
const bytesOf = (base64url: string) => new Uint8Array(Buffer.from(base64url, 'base64url'))
const base64urlOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url')

/** A passkey by the id that its authenticator gave it. Nobody can have that of another one. */
export const passkeyIdOf = (credentialId: string): string => hash('sha256', credentialId)

export type Verified<T> = { ok: true; value: T } | { ok: false; refusal: Refusal }
export type NewPasskey = Pick<
  Passkey,
  'id' | 'credentialId' | 'publicKey' | 'counter' | 'transports' | 'aaguid' | 'isBackedUp'
>

/**
 * The two ceremonies of WebAuthn, each of which begins with options and ends with what an authenticator answers to them.
 *
 * @see https://www.w3.org/TR/webauthn-3/#sctn-rp-operations
 */
export const createCeremonies = (context: Context) => {
  const challenges = createChallenges(context)

  const descriptorsOf = (passkeys: readonly Passkey[]) =>
    passkeys.map(({ credentialId, transports }) => ({ id: credentialId, transports }))

  /** @param account as the authenticator is to call it */
  const registrationOptions = async (uid: string, account: string, known: readonly Passkey[]) => {
    const { domain } = passkeySettings()
    const { generateRegistrationOptions } = await library(undefined)
    const { challenge } = await challenges.issue('passkey-registration', uid)
    return generateRegistrationOptions({
      rpName: 'Infinity Matrix',
      rpID: domain,
      userName: account,
      userDisplayName: account,
      // Authenticators give it to whoever holds them.
      userID: bytesOf(hash('sha256', uid, 'base64url')),
      challenge,
      timeout: challengeSeconds * 1000,
      attestationType: 'none',
      excludeCredentials: descriptorsOf(known),
      authenticatorSelection: { residentKey: 'preferred', userVerification: 'required' },
      supportedAlgorithmIDs: algorithms,
    })
  }

  const assertionOptions = async (uid: string, known: readonly Passkey[]) => {
    const { domain } = passkeySettings()
    const { generateAuthenticationOptions } = await library(undefined)
    const { challenge } = await challenges.issue('passkey-assertion', uid)
    return generateAuthenticationOptions({
      rpID: domain,
      challenge,
      timeout: challengeSeconds * 1000,
      allowCredentials: descriptorsOf(known),
      userVerification: 'required',
    })
  }

  /** What an answer says of itself, which is what the library is told to expect once it was looked at here. */
  const expectedOf = async (
    clientDataJSON: string,
    purpose: ChallengePurpose,
    uid: string,
  ): Promise<Verified<Expected>> => {
    const { origins, domain } = passkeySettings()
    const data = clientDataIn(clientDataJSON)
    if (!data) return { ok: false, refusal: otherRefusal }
    const isTaken = await challenges.take(bytesOf(data.challenge), purpose, uid)
    if (!isTaken) return { ok: false, refusal: challengeRefusal }
    if (!isDeclaredOrigin(origins, data.origin)) return { ok: false, refusal: originRefusal }
    return { ok: true, value: { expectedChallenge: data.challenge, expectedOrigin: data.origin, expectedRPID: domain } }
  }

  const verifyRegistration = async (uid: string, { response }: PasskeyRegistration): Promise<Verified<NewPasskey>> => {
    const { decodeAttestationObject, verifyRegistrationResponse } = await library(undefined)
    const { clientDataJSON, attestationObject, transports } = response.response
    const expected = await expectedOf(clientDataJSON, 'passkey-registration', uid)
    if (!expected.ok) return expected
    return verified(async () => {
      const decoded = decodeAttestationObject(bytesOf(attestationObject))
      // Certificates are not asked for: to look at one may be to ask servers that it names.
      if (decoded.get('fmt') !== 'none' && (decoded.get('fmt') !== 'packed' || decoded.get('attStmt').get('x5c')))
        return undefined
      const { registrationInfo } = await verifyRegistrationResponse({
        ...expected.value,
        response: { ...response, clientExtensionResults: {} },
        supportedAlgorithmIDs: algorithms,
        requireUserVerification: true,
      })
      if (!registrationInfo) return undefined
      const { credential, aaguid, credentialBackedUp } = registrationInfo
      return {
        id: passkeyIdOf(credential.id),
        credentialId: credential.id,
        publicKey: base64urlOf(credential.publicKey),
        counter: credential.counter,
        transports,
        aaguid,
        isBackedUp: credentialBackedUp,
      }
    })
  }

  /** @returns its new counter */
  const verifyAssertion = async (passkey: Passkey, { response }: PasskeyAssertion): Promise<Verified<number>> => {
    const { verifyAuthenticationResponse } = await library(undefined)
    const { userHandle, ...answered } = response.response
    const expected = await expectedOf(answered.clientDataJSON, 'passkey-assertion', passkey.uid)
    if (!expected.ok) return expected
    return verified(async () => {
      const { verified: isGood, authenticationInfo } = await verifyAuthenticationResponse({
        ...expected.value,
        response: {
          ...response,
          response: { ...answered, ...(userHandle !== undefined && { userHandle }) },
          clientExtensionResults: {},
        },
        credential: { id: passkey.credentialId, publicKey: bytesOf(passkey.publicKey), counter: passkey.counter },
        requireUserVerification: true,
      })
      return isGood ? authenticationInfo.newCounter : undefined
    })
  }

  return { registrationOptions, assertionOptions, verifyRegistration, verifyAssertion }
}

interface Expected {
  expectedChallenge: string
  expectedOrigin: string
  expectedRPID: string
}

const ClientData = z.object({ origin: z.string(), challenge: z.string().regex(/^[A-Za-z0-9_-]{43}$/) })
const clientDataIn = (base64url: string): z.infer<typeof ClientData> | undefined => {
  const json = parseJson(Buffer.from(base64url, 'base64url').toString('utf8'))
  return json.ok ? ClientData.safeParse(json.value).data : undefined
}

const challengeRefusal: Refusal = {
  reason: 'challenge',
  field: 'response.response.clientDataJSON',
  rule: `must answer a challenge of this account and ceremony, once, within ${challengeSeconds} seconds`,
}
const originRefusal: Refusal = {
  reason: 'origin',
  field: 'response.response.clientDataJSON',
  rule: 'must be made on a page of SIGN_IN_ORIGINS',
}
export const counterRefusal: Refusal = {
  reason: 'counter',
  field: 'response.response.authenticatorData',
  rule: 'must count further than before: the passkey may have been copied',
}
const otherRefusal: Refusal = {
  reason: 'response',
  field: 'response',
  rule: 'must be what a passkey answers to the options, signed by it, without attestation',
}

// By how the messages of the library begin: its errors are of one kind.
const refusals: readonly { message: RegExp; refusal: Refusal }[] = [
  {
    message: /^Unexpected RP ID/,
    refusal: { reason: 'domain', field: 'response.response', rule: 'must be of a passkey for this domain' },
  },
  {
    message: /^User /,
    refusal: {
      reason: 'user-verification',
      field: 'response.response',
      rule: 'must be made with its user present and verified, by PIN or biometrics',
    },
  },
  { message: /^Response counter value/, refusal: counterRefusal },
]

/** What the library throws is about the answer: nothing else is asked while it looks at that. */
const verified = async <T>(verify: () => Promise<T | undefined>): Promise<Verified<T>> => {
  try {
    const value = await verify()
    return value === undefined ? { ok: false, refusal: otherRefusal } : { ok: true, value }
  } catch (error) {
    const known = refusals.find(({ message }) => message.test(messageOf(error)))
    return { ok: false, refusal: known?.refusal ?? otherRefusal }
  }
}
