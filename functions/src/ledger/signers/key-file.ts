import { createPrivateKey, createPublicKey, generateKeyPairSync, randomUUID, sign, type KeyObject } from 'node:crypto'
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { bytesOfPublicKey, signingKinds, type SigningKey, type SigningKind } from './signing-key.ts'

/** Private keys as PKCS #8 in PEM; a runtime without ML-DSA has but the one. */
const KeyFile = z.object({ ed25519: z.string(), 'ml-dsa-44': z.string().optional() })
type KeyFile = z.infer<typeof KeyFile>

const pemOf = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString()

const newKeys = (): KeyFile => {
  const ed25519 = pemOf(generateKeyPairSync('ed25519').privateKey)
  try {
    return { ed25519, 'ml-dsa-44': pemOf(generateKeyPairSync('ml-dsa-44').privateKey) }
  } catch {
    // OpenSSL has it from 3.5 on.
    return { ed25519 }
  }
}

/** Makes the file unless it is there: whole, and only one of those that make it at once does. */
const makeFile = async (path: string): Promise<void> => {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const unfinished = `${path}.${randomUUID()}`
  await writeFile(unfinished, JSON.stringify(newKeys()), { mode: 0o600 })
  try {
    await link(unfinished, path)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  } finally {
    await rm(unfinished)
  }
}

/** Keys in a file of this machine, which is made with new ones where it is missing: for local engines. */
export const openKeyFile = async (path: string): Promise<SigningKey[]> => {
  const read = () => readFile(path, 'utf8')
  const text = await read().catch(async () => {
    await makeFile(path)
    return read()
  })
  const file = KeyFile.parse(JSON.parse(text))
  return signingKinds.flatMap((kind) => {
    const pem = file[kind]
    return pem === undefined ? [] : [keyOf(kind, createPrivateKey(pem))]
  })
}

const keyOf = (kind: SigningKind, key: KeyObject): SigningKey => ({
  kind,
  publicKey: bytesOfPublicKey(kind, createPublicKey(key)),
  sign: (message) => Promise.resolve(sign(null, message, key)),
})
