import { joined } from '../shared/merkle/index.ts'
import { utf8 } from '../shared/utf8.ts'
import { formatCheckpoint, parseCheckpoint, type Checkpoint } from './checkpoint.ts'
import { signatureKinds, type SignatureAlgorithm, type VerifierKey } from './key.ts'
import { LedgerFault } from './ledger-fault.ts'
import { formatNote, parseNote, type Note, type NoteSignature } from './note.ts'

/** Signs with a key that stays where it is: in a file, or with a key service. */
export interface Signer {
  key: VerifierKey
  sign: (message: Uint8Array) => Promise<Uint8Array> | Uint8Array
}

/** Whether a signature of a message is one by a public key. */
export type VerifySignature = (
  algorithm: SignatureAlgorithm,
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
) => boolean

const uint64 = (number: number): Uint8Array => {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(number))
  return bytes
}

const shortText = (text: string): Uint8Array => {
  const bytes = utf8(text)
  return joined([Uint8Array.of(bytes.length), bytes])
}

/**
 * What is signed by a key for the text of a checkpoint's note at a time: see `signatureKinds`.
 *
 * @see https://c2sp.org/tlog-cosignature
 */
export const signedMessage = ({ name, kind }: VerifierKey, text: string, timeSeconds: number): Uint8Array => {
  if (kind === 'ed25519') return utf8(text)
  if (kind === 'ed25519-cosignature') return utf8(`cosignature/v1\ntime ${timeSeconds}\n${text}`)
  const { origin, size, root } = parseCheckpoint(text)
  return joined([
    utf8('subtree/v1\n\0'),
    shortText(name),
    uint64(timeSeconds),
    shortText(origin),
    uint64(0),
    uint64(size),
    root,
  ])
}

/** A signature of the text of a checkpoint's note. `timeSeconds` is in seconds since 1970. */
export const signText = async ({ key, sign }: Signer, text: string, timeSeconds: number): Promise<NoteSignature> => {
  const { isTimed, signatureBytes } = signatureKinds[key.kind]
  const signature = await sign(signedMessage(key, text, timeSeconds))
  if (signature.length !== signatureBytes)
    throw new LedgerFault(key.name, `a signature of ${key.kind} has ${signatureBytes} bytes, not ${signature.length}`)
  const bytes = isTimed ? joined([uint64(timeSeconds), signature]) : signature
  return { name: key.name, keyId: key.keyId, bytes }
}

/** A checkpoint as it is published, signed by each signer. */
export const signCheckpoint = async (
  checkpoint: Checkpoint,
  signers: readonly Signer[],
  timeSeconds: number,
): Promise<string> => {
  const text = formatCheckpoint(checkpoint)
  return formatNote({ text, signatures: await Promise.all(signers.map((one) => signText(one, text, timeSeconds))) })
}

/** Who signed, and when they say it was, if their kind of signature tells. */
export interface SignedBy {
  key: VerifierKey
  timeSeconds: number | null
}

/**
 * Whose signatures a note bears, of the keys that are known; those of others are passed over.
 *
 * @throws LedgerFault where a signature by a known key is none: then the note is worth nothing
 */
export const signaturesOf = (
  verify: VerifySignature,
  { text, signatures }: Note,
  keys: readonly VerifierKey[],
): SignedBy[] =>
  signatures.flatMap((signature) => {
    const key = keys.find(({ name, keyId }) => name === signature.name && keyId === signature.keyId)
    return key ? [signedBy(verify, key, text, signature.bytes)] : []
  })

const signedBy = (verify: VerifySignature, key: VerifierKey, text: string, bytes: Uint8Array): SignedBy => {
  const { isTimed, signatureBytes, algorithm } = signatureKinds[key.kind]
  const timeBytes = isTimed ? 8 : 0
  const position = `signature of ${key.name} (${key.kind})`
  if (bytes.length !== timeBytes + signatureBytes)
    throw new LedgerFault(position, `has ${timeBytes + signatureBytes} bytes, and not ${bytes.length}`)
  const time = isTimed ? new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0) : 0n
  if (time > BigInt(Number.MAX_SAFE_INTEGER)) throw new LedgerFault(position, 'its time is after 2^53 - 1 seconds')
  const message = signedMessage(key, text, Number(time))
  if (!verify(algorithm, key.publicKey, message, bytes.subarray(timeBytes)))
    throw new LedgerFault(position, 'is not by that key')
  return { key, timeSeconds: isTimed ? Number(time) : null }
}

/** A checkpoint that was published, with who signed it. */
export interface SignedCheckpoint {
  checkpoint: Checkpoint
  signedBy: SignedBy[]
  note: Note
}

/**
 * Reads a checkpoint of one log. Of each kind of key that is known of the log there is a signature, so that breaking one
 * kind is not enough; and all signatures by known keys are good.
 *
 * @param logKeys those of the log, whose name is its origin; after a rotation more than one of a kind
 * @param otherKeys of witnesses
 * @throws LedgerFault
 */
export const openCheckpoint = (
  verify: VerifySignature,
  published: string,
  logKeys: readonly VerifierKey[],
  otherKeys: readonly VerifierKey[] = [],
): SignedCheckpoint => {
  const note = parseNote(published)
  const checkpoint = parseCheckpoint(note.text)
  const stranger = logKeys.find(({ name }) => name !== checkpoint.origin)
  if (stranger) throw new LedgerFault('line 1', `the log is ${checkpoint.origin}, and the key that of ${stranger.name}`)
  const signatures = signaturesOf(verify, note, [...logKeys, ...otherKeys])
  const byLog = signatures.filter(({ key }) => logKeys.includes(key))
  if (byLog.length === 0) throw new LedgerFault('note', `is signed by none of the known keys of ${checkpoint.origin}`)
  const missing = logKeys.find(({ kind }) => byLog.every(({ key }) => key.kind !== kind))
  if (missing) throw new LedgerFault('note', `has no ${missing.kind} signature of ${checkpoint.origin}`)
  return { checkpoint, signedBy: signatures, note }
}
