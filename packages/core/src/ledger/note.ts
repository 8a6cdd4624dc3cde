import { fromBase64, toBase64 } from '../shared/base64.ts'
import { LedgerFault } from './ledger-fault.ts'

/**
 * A signed note: text, and signatures of it that may be of any kind.
 *
 * @see https://c2sp.org/signed-note
 */
export interface Note {
  /** Ends with a newline. */
  text: string
  signatures: NoteSignature[]
}

export interface NoteSignature {
  name: string
  /** The first four bytes of a hash of name, kind and public key, as a number. */
  keyId: number
  bytes: Uint8Array
}

/** A post-quantum signature in base64 has 3.3 kB, so a note has room for more than the 16 that everybody must read. */
export const noteSignaturesMax = 64
export const noteCharactersMax = 2 ** 18

const keyIdBytes = 4
const spaceOrPlus = /[\s\p{Z}\u{85}+]/u

/** Where a character below a space stands that is no newline, or -1. */
const controlIn = (note: string): number =>
  note.split('').findIndex((character) => character < ' ' && character !== '\n')

/** Whether a key may have the name. */
export const isKeyName = (name: string): boolean => name !== '' && name.isWellFormed() && !spaceOrPlus.test(name)

/**
 * Reads a note, and only what is written in the one right way.
 *
 * @throws LedgerFault naming the line
 */
export const parseNote = (note: string): Note => {
  if (note.length > noteCharactersMax)
    throw new LedgerFault('note', `has ${note.length} characters, at most ${noteCharactersMax} are read`)
  if (!note.isWellFormed()) throw new LedgerFault('note', 'is not UTF-8')
  const controlAt = controlIn(note)
  if (controlAt >= 0) throw new LedgerFault(lineAt(note, controlAt), 'holds a control character')
  const end = note.lastIndexOf('\n\n')
  if (end < 0) throw new LedgerFault('note', 'has no empty line between its text and its signatures')
  const text = note.slice(0, end + 1)
  const lines = note.slice(end + 2).split('\n')
  const first = text.split('\n').length + 1
  if (lines.pop() !== '') throw new LedgerFault(`line ${first + lines.length}`, 'does not end with a newline')
  if (lines.length === 0) throw new LedgerFault(`line ${first}`, 'a note has at least one signature')
  if (lines.length > noteSignaturesMax)
    throw new LedgerFault('note', `has ${lines.length} signatures, at most ${noteSignaturesMax} are read`)
  const signatures = lines.map((line, index) => parseSignature(line, `line ${first + index}`))
  const seen = new Set<string>()
  for (const [index, { name, keyId }] of signatures.entries()) {
    const key = `${name}+${keyId}`
    if (seen.has(key)) throw new LedgerFault(`line ${first + index}`, `is a second signature by ${name}'s same key`)
    seen.add(key)
  }
  return { text, signatures }
}

const lineAt = (text: string, index: number) => `line ${text.slice(0, index).split('\n').length}`

/** Reads one line of signature, without its newline. @throws LedgerFault */
export const parseSignature = (line: string, position: string): NoteSignature => {
  const [dash, name, encoded, ...more] = line.split(' ')
  if (dash !== '—' || name === undefined || encoded === undefined || more.length > 0)
    throw new LedgerFault(position, 'a signature is a dash (U+2014), a name and base64, with one space between')
  if (!isKeyName(name)) throw new LedgerFault(position, 'the name of a key is not empty and has no space and no plus')
  const bytes = fromBase64(encoded)
  if (!bytes) throw new LedgerFault(position, 'the signature is not base64 with padding in its one right form')
  if (bytes.length <= keyIdBytes)
    throw new LedgerFault(position, `${bytes.length} bytes are too few for the id of a key and a signature`)
  return { name, keyId: uint32Of(bytes), bytes: bytes.slice(keyIdBytes) }
}

/** The first four bytes as a number, the highest first. */
export const uint32Of = (bytes: Uint8Array): number =>
  bytes.subarray(0, keyIdBytes).reduce((number, byte) => number * 256 + byte, 0)

/** The line of a signature, with its newline. */
export const formatSignature = ({ name, keyId, bytes }: NoteSignature): string => {
  const signed = new Uint8Array(keyIdBytes + bytes.length)
  new DataView(signed.buffer).setUint32(0, keyId)
  signed.set(bytes, keyIdBytes)
  return `— ${name} ${toBase64(signed)}\n`
}

/** @throws LedgerFault where it is no note that `parseNote` reads */
export const formatNote = ({ text, signatures }: Note): string => {
  const note = `${text}\n${signatures.map(formatSignature).join('')}`
  const read = parseNote(note)
  if (read.text !== text) throw new LedgerFault('note', 'the text does not end with a newline')
  return note
}
