import { createPrivateKey, createPublicKey, hkdfSync, type KeyObject } from 'node:crypto'
import { platformTenant } from '@infinity-matrix/contracts'
import { isVersionBelieved, versionForSigning } from '@infinity-matrix/core/tenant-keys'
import type { Context } from './context.ts'
import { KeysDestroyedError, type TenantKeysOf } from './tenant-keys.ts'

/** What stands before the seed of an Ed25519 key in PKCS #8. RFC 8410. */
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex')
const keyBytes = 32

/** What one version of the platform's data key makes: a pair that signs tokens, and a secret that authenticates challenges. */
interface DerivedKeys {
  privateKey: KeyObject
  publicKey: KeyObject
  challengeKey: Uint8Array
}
export interface TokenKeys extends DerivedKeys {
  version: number
}

/** HKDF (RFC 5869): each purpose has a key of its own, of which none tells anything about another, nor about the data key. */
const derive = (dataKey: Uint8Array, purpose: string): Buffer =>
  Buffer.from(hkdfSync('sha256', dataKey, '', `infinity-matrix ${purpose} v1`, keyBytes))

const keysFrom = (dataKey: Uint8Array): DerivedKeys => {
  const der = Buffer.concat([pkcs8Prefix, derive(dataKey, 'agent-token')])
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  return { privateKey, publicKey: createPublicKey(privateKey), challengeKey: derive(dataKey, 'agent-challenge') }
}

/**
 * The keys of our own tokens. They follow from the platform's data key, so that every function has them without asking anybody
 * more than once a minute, and they rotate with it: a token names the version that it was signed with.
 */
export const createTokenKeys = ({ keys, nowMs }: { keys: TenantKeysOf; nowMs: Context['nowMs'] }) => {
  // As long as the data key itself is known.
  const derived = new WeakMap<Uint8Array, DerivedKeys>()

  const ofVersion = async (version: number): Promise<TokenKeys> => {
    const { key } = await keys.ofVersion(platformTenant, version)
    const made = derived.get(key) ?? keysFrom(key)
    derived.set(key, made)
    return { version, ...made }
  }

  /** Those that sign now. */
  const current = async (): Promise<TokenKeys> => {
    const newest = versionForSigning(await keys.versions(platformTenant), nowMs())
    if (!newest) throw new KeysDestroyedError(platformTenant)
    return ofVersion(newest.version)
  }

  /**
   * Those that a token names, who may be anybody's: what is not known already is not asked for.
   *
   * @returns undefined where what they signed is not believed
   */
  const believed = async (version: string | undefined): Promise<TokenKeys | undefined> => {
    if (!/^[1-9]\d{0,8}$/.test(version ?? '')) return undefined
    const number = Number(version)
    const versions = await keys.versions(platformTenant)
    return isVersionBelieved(versions, number, nowMs()) ? ofVersion(number) : undefined
  }

  return { current, believed }
}
