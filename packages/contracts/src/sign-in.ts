import { z } from 'zod'
import { fields } from './data-class.ts'
import { Instant } from './when.ts'

// How people show who they are beside what Firebase does by itself: passkeys (WebAuthn) and wallets (EIP-4361). What
// `access-api` stores, takes and answers.

/** What a challenge is answered with. One that was given out for one of them is good for no other. */
export const challengePurposes = ['passkey-registration', 'passkey-assertion', 'wallet-sign-in'] as const
export type ChallengePurpose = (typeof challengePurposes)[number]

/** A challenge is to be answered within five minutes, and once. */
export const challengeSeconds = 300

/** `signInChallenges/{SHA-256 of the challenge}`: one that is not answered yet. */
export const SignInChallenge = z.object(
  fields.internal({
    purpose: z.enum(challengePurposes),
    /** The account whose answer it waits for; null where that is what the answer tells. */
    uid: z.string().nullable(),
    expiresAt: Instant,
  }),
)
export type SignInChallenge = z.infer<typeof SignInChallenge>

const nameRule = 'must be 1 to 64 characters'
const name = z.string({ error: nameRule }).min(1, { error: nameRule }).max(64, { error: nameRule })

/** `passkeys/{SHA-256 of the credential's id}`: a passkey of an account. */
export const Passkey = z.object({
  ...fields.internal({
    id: z.string(),
    uid: z.string(),
    /** As its authenticator names it, in base64url. */
    credentialId: z.string(),
    /** COSE, in base64url. */
    publicKey: z.string(),
    /** How often it was used, as it says itself; 0 where it does not count. */
    counter: z.int(),
    transports: z.array(z.string()),
    /** The model of its authenticator, where that tells. */
    aaguid: z.string(),
    /** Whether its key is also elsewhere, as with those that a cloud keeps. */
    isBackedUp: z.boolean(),
    createdAt: Instant,
    lastUsedAt: Instant.nullable(),
  }),
  /** What its owner calls it. */
  ...fields.confidential({ name }),
})
export type Passkey = z.infer<typeof Passkey>

export const PasskeyView = Passkey.pick({
  id: true,
  name: true,
  aaguid: true,
  isBackedUp: true,
  createdAt: true,
  lastUsedAt: true,
})
export type PasskeyView = z.infer<typeof PasskeyView>
export const PasskeyList = z.object(fields.internal({ passkeys: z.array(PasskeyView) }))

/** `POST /v1/passkeys/registration-options`: what an authenticator calls the account, such as its address. It is not stored. */
export const PasskeyOptionsRequest = z.strictObject(fields.confidential({ account: name }))

const base64urlRule = 'must be base64url without padding, of at most 16384 characters'
const base64url = z.string({ error: base64urlRule }).regex(/^[A-Za-z0-9_-]{1,16384}$/, { error: base64urlRule })
const typeRule = 'must be public-key'
// Which browsers add to: what is not looked at is left out.
const credential = fields.confidential({
  id: base64url,
  rawId: base64url,
  type: z.literal('public-key', { error: typeRule }),
})
const transportRule = 'must be a list of at most 10 names of 1 to 20 letters or -'
const transport = z.string({ error: transportRule }).regex(/^[a-z-]{1,20}$/, { error: transportRule })

/**
 * `POST /v1/passkeys`: what the browser answers to the options, as `toJSON()` of it.
 *
 * @see https://www.w3.org/TR/webauthn-3/#dictdef-registrationresponsejson
 */
export const PasskeyRegistration = z.strictObject(
  fields.confidential({
    name,
    response: z.object({
      ...credential,
      response: z.object({
        clientDataJSON: base64url,
        attestationObject: base64url,
        transports: z.array(transport, { error: transportRule }).max(10, { error: transportRule }).default([]),
      }),
    }),
  }),
)
export type PasskeyRegistration = z.infer<typeof PasskeyRegistration>

/**
 * `POST /v1/passkeys/assertions`.
 *
 * @see https://www.w3.org/TR/webauthn-3/#dictdef-authenticationresponsejson
 */
export const PasskeyAssertion = z.strictObject(
  fields.confidential({
    response: z.object({
      ...credential,
      response: z.object({
        clientDataJSON: base64url,
        authenticatorData: base64url,
        signature: base64url,
        userHandle: base64url.optional(),
      }),
    }),
  }),
)
export type PasskeyAssertion = z.infer<typeof PasskeyAssertion>

/**
 * What is answered to a sign-in that was good: a custom token, with which Firebase signs the account in
 * (`signInWithCustomToken`).
 */
export const SignInToken = z.object({
  ...fields.internal({ uid: z.string(), expiresAt: Instant }),
  ...fields.restricted({ customToken: z.string() }),
})
export type SignInToken = z.infer<typeof SignInToken>

/** `POST /v1/sign-in/wallet/nonce`: what the message that is signed has as its nonce. */
export const WalletNonce = z.object(fields.internal({ nonce: z.string(), expiresAt: Instant }))
export type WalletNonce = z.infer<typeof WalletNonce>

const messageRule = 'must be a message of EIP-4361, of at most 4000 characters'
const signatureRule = 'must be hex after 0x, of at most 8192 bytes'

/** `POST /v1/sign-in/wallet`. */
export const WalletSignIn = z.strictObject(
  fields.confidential({
    message: z.string({ error: messageRule }).min(1, { error: messageRule }).max(4000, { error: messageRule }),
    signature: z.string({ error: signatureRule }).regex(/^0x(?:[0-9a-fA-F]{2}){1,8192}$/, { error: signatureRule }),
  }),
)
export type WalletSignIn = z.infer<typeof WalletSignIn>
