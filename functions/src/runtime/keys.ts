import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { decrypt, encrypt, NotAuthenticError } from './aead.ts'
import { once } from './context.ts'
import { isTerminal } from './failure.ts'
import { createGoogleApi, type GoogleApi } from './google-api.ts'
import { isLocal, keyFile, kmsKey } from './params.ts'

/**
 * Wraps data keys with a key that never leaves its keeper.
 *
 * @param bound what a data key belongs to: it is unwrapped for nothing else
 */
export interface KeyKeeper {
  /** `wrappedBy` names the key that did it. */
  wrap: (key: Uint8Array, bound: string) => Promise<{ wrapped: string; wrappedBy: string }>
  /** @throws {NotAuthenticError} where it was wrapped by another key, for something else, or changed */
  unwrap: (wrapped: string, bound: string) => Promise<Uint8Array>
}

const base64 = (bytes: Uint8Array | string) => Buffer.from(bytes).toString('base64')

/** Keys of 32 bytes in base64, by their names; `current` wraps. */
const KeyFile = z.object({ current: z.string(), keys: z.record(z.string(), z.base64()) })

/**
 * Keys in a file, for development. It is made where it is not there, readable by its owner only.
 *
 * @param path outside the repository
 */
export const createLocalKeeper = (path: string): KeyKeeper => {
  const open = once(async (_: undefined) => {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const fresh = { current: 'k1', keys: { k1: base64(randomBytes(32)) } }
    // Another process may be first.
    await writeFile(path, `${JSON.stringify(fresh)}\n`, { mode: 0o600, flag: 'wx' }).catch((error: unknown) => {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    })
    const { current, keys } = KeyFile.parse(JSON.parse(await readFile(path, 'utf8')))
    return { current, keys: new Map(Object.entries(keys).map(([name, key]) => [name, Buffer.from(key, 'base64')])) }
  })
  const keyOf = async (name: string | undefined) => {
    const { current, keys } = await open(undefined)
    const key = keys.get(name ?? current)
    if (!key) throw new NotAuthenticError()
    return { key, name: name ?? current }
  }
  return {
    wrap: async (plain, bound) => {
      const { key, name } = await keyOf(undefined)
      return { wrapped: `${name}.${encrypt(key, plain, bound).toString('base64url')}`, wrappedBy: `local/${name}` }
    },
    unwrap: async (wrapped, bound) => {
      const [name = '', sealed = ''] = wrapped.split('.')
      return decrypt((await keyOf(name)).key, Buffer.from(sealed, 'base64url'), bound)
    },
  }
}

const Encrypted = z.object({ name: z.string(), ciphertext: z.base64() })
const Decrypted = z.object({ plaintext: z.base64() })

/**
 * A symmetric key of Cloud KMS.
 *
 * @param key `projects/{p}/locations/{l}/keyRings/{r}/cryptoKeys/{k}`
 * @see https://cloud.google.com/kms/docs/reference/rest/v1/projects.locations.keyRings.cryptoKeys/encrypt
 */
export const createKmsKeeper = (key: string, api: GoogleApi): KeyKeeper => ({
  wrap: async (plain, bound) => {
    const body = { plaintext: base64(plain), additionalAuthenticatedData: base64(bound) }
    const { name, ciphertext } = await api('POST', `${key}:encrypt`, Encrypted, body)
    return { wrapped: ciphertext, wrappedBy: name }
  },
  unwrap: async (wrapped, bound) => {
    const body = { ciphertext: wrapped, additionalAuthenticatedData: base64(bound) }
    try {
      const { plaintext } = await api('POST', `${key}:decrypt`, Decrypted, body)
      return Buffer.from(plaintext, 'base64')
    } catch (error) {
      // As it answers for what it did not wrap, or not for this.
      throw isTerminal(error) ? new NotAuthenticError() : error
    }
  },
})

/** The keeper of this deployment. @throws where there is none: what is to be sealed is never stored plain instead */
export const keyKeeper = once((_: undefined): KeyKeeper => {
  const key = kmsKey.value()
  if (key !== '') return createKmsKeeper(key, createGoogleApi({ origin: 'https://cloudkms.googleapis.com' }))
  if (isLocal()) return createLocalKeeper(keyFile())
  throw new Error('KMS_KEY of the functions must name a key of Cloud KMS')
})
