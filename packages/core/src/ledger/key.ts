import { fromBase64, toBase64 } from '../shared/base64.ts'
import { joined, type Sha256 } from '../shared/merkle/index.ts'
import { utf8 } from '../shared/utf8.ts'
import { LedgerFault } from './ledger-fault.ts'
import { isKeyName, uint32Of } from './note.ts'

/**
 * What a key signs: `ed25519` the text of a note, `ed25519-cosignature` that it was seen at a time, `ml-dsa-44` the tree
 * that a checkpoint tells of, at a time.
 *
 * @see https://c2sp.org/signed-note, "Signature types"; https://c2sp.org/tlog-cosignature
 */
export const signatureKinds = {
  ed25519: { byte: 0x01, algorithm: 'ed25519', keyBytes: 32, signatureBytes: 64, isTimed: false },
  'ed25519-cosignature': { byte: 0x04, algorithm: 'ed25519', keyBytes: 32, signatureBytes: 64, isTimed: true },
  'ml-dsa-44': { byte: 0x06, algorithm: 'ml-dsa-44', keyBytes: 1312, signatureBytes: 2420, isTimed: true },
} as const
export type SignatureKind = keyof typeof signatureKinds
export type SignatureAlgorithm = (typeof signatureKinds)[SignatureKind]['algorithm']

/** A post-quantum cosignature writes the length of a name, and of an origin, as one byte. */
export const nameBytesMax = 255

/** A public key by the name of who signs with it. */
export interface VerifierKey {
  name: string
  kind: SignatureKind
  keyId: number
  publicKey: Uint8Array
}

/** @throws LedgerFault where there can be no such key */
export const verifierKey = (sha256: Sha256, name: string, kind: SignatureKind, publicKey: Uint8Array): VerifierKey => {
  const { byte, keyBytes } = signatureKinds[kind]
  if (!isKeyName(name) || utf8(name).length > nameBytesMax)
    throw new LedgerFault('key', `its name has 1 to ${nameBytesMax} bytes, no space and no plus`)
  if (publicKey.length !== keyBytes)
    throw new LedgerFault('key', `a public key of ${kind} has ${keyBytes} bytes, and not ${publicKey.length}`)
  const keyId = uint32Of(sha256(joined([utf8(`${name}\n`), Uint8Array.of(byte), publicKey])))
  return { name, kind, keyId, publicKey }
}

/** `<name>+<id in hex>+<base64 of kind and key>`: how public keys are handed on. */
export const formatVerifierKey = ({ name, kind, keyId, publicKey }: VerifierKey): string => {
  const id = keyId.toString(16).padStart(8, '0')
  return `${name}+${id}+${toBase64(joined([Uint8Array.of(signatureKinds[kind].byte), publicKey]))}`
}

/** @throws LedgerFault, also where the id is not that of the key */
export const parseVerifierKey = (sha256: Sha256, text: string, position = 'key'): VerifierKey => {
  // Names have no plus; base64 may.
  const [name, id, ...rest] = text.split('+')
  const bytes = fromBase64(rest.join('+'))
  if (name === undefined || id === undefined || !bytes)
    throw new LedgerFault(position, 'a public key is written <name>+<id in hex>+<base64>')
  const kind = (Object.keys(signatureKinds) as SignatureKind[]).find((one) => signatureKinds[one].byte === bytes[0])
  if (!kind)
    throw new LedgerFault(position, `no kind of signature is known by the byte ${bytes[0] ?? 'that is missing'}`)
  const key = verifierKey(sha256, name, kind, bytes.slice(1))
  if (formatVerifierKey(key) !== text) throw new LedgerFault(position, `${id} is not the id of this key`)
  return key
}
