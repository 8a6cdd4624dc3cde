import { createPublicKey } from 'node:crypto'
import { z } from 'zod'
import type { GoogleApi } from '../../runtime/google-api.ts'
import { bytesOfPublicKey, verifySignature, type SigningKey, type SigningKind } from './signing-key.ts'

const Version = z.object({ algorithm: z.string() })
const PemKey = z.object({ pem: z.string() })
const PqcKey = z.object({ publicKey: z.object({ data: z.base64() }) })
const Signature = z.object({ signature: z.base64() })

const kindOf: Readonly<Record<string, SigningKind>> = { EC_SIGN_ED25519: 'ed25519', PQ_SIGN_ML_DSA_44: 'ml-dsa-44' }

/**
 * A version of a signing key in Cloud KMS. What it signs is verified here, which says more than the checksums that it
 * offers.
 *
 * @param name `projects/{p}/locations/{l}/keyRings/{r}/cryptoKeys/{k}/cryptoKeyVersions/{v}`
 * @throws where there is no such key, or it is no Ed25519 or ML-DSA-44
 * @see https://cloud.google.com/kms/docs/reference/rest/v1/projects.locations.keyRings.cryptoKeys.cryptoKeyVersions/asymmetricSign
 */
export const openKmsKey = async (api: GoogleApi, name: string): Promise<SigningKey> => {
  const { algorithm } = await api('GET', name, Version)
  const kind = kindOf[algorithm]
  if (kind === undefined) throw new TypeError(`${name} is of ${algorithm}, and a log is signed by Ed25519 or ML-DSA-44`)
  const publicKey = await publicKeyOf(api, name, kind)
  return {
    kind,
    publicKey,
    sign: async (message) => {
      const data = Buffer.from(message).toString('base64')
      const { signature } = await api('POST', `${name}:asymmetricSign`, Signature, { data })
      const bytes = Buffer.from(signature, 'base64')
      if (!verifySignature(kind, publicKey, message, bytes)) throw new Error(`${name} gave a signature that is none`)
      return bytes
    },
  }
}

// Post-quantum keys are handed out in no other form.
const publicKeyOf = async (api: GoogleApi, name: string, kind: SigningKind): Promise<Uint8Array> => {
  if (kind === 'ed25519') {
    const { pem } = await api('GET', `${name}/publicKey?publicKeyFormat=PEM`, PemKey)
    return bytesOfPublicKey(kind, createPublicKey(pem))
  }
  const { publicKey } = await api('GET', `${name}/publicKey?publicKeyFormat=NIST_PQC`, PqcKey)
  return Buffer.from(publicKey.data, 'base64')
}
