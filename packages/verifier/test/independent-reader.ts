// A reader of logs written from the specifications alone (tlog-tiles, tlog-checkpoint, signed-note, RFC 6962), without a
// line of the project: what it reads, others can read.
import { createHash, createPublicKey, verify } from 'node:crypto'

export type Fetch = (path: string) => Buffer

const sha256 = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest()
const hashLeaf = (entry: Uint8Array) => sha256(Buffer.of(0), entry)
const hashNode = (left: Uint8Array, right: Uint8Array) => sha256(Buffer.of(1), left, right)

/** MTH(D[n]) of RFC 6962, 2.1, over hashes of leaves. */
const mth = (leaves: Buffer[]): Buffer => {
  if (leaves.length === 0) return sha256()
  if (leaves.length === 1) return leaves[0] as Buffer
  let k = 1
  while (k * 2 < leaves.length) k *= 2
  return hashNode(mth(leaves.slice(0, k)), mth(leaves.slice(k)))
}

/** The note's text, if the key signed it with Ed25519 (type 0x01). */
export const openNote = (note: string, vkey: string): string => {
  const [name = '', id = '', ...encoded] = vkey.split('+')
  const key = Buffer.from(encoded.join('+'), 'base64')
  if (key[0] !== 1) throw new Error('no Ed25519 key')
  const keyId = sha256(Buffer.from(`${name}\n`), key).subarray(0, 4)
  if (keyId.toString('hex') !== id) throw new Error('the id is not that of the key')
  const end = note.lastIndexOf('\n\n')
  const text = note.slice(0, end + 1)
  for (const line of note.slice(end + 2).split('\n')) {
    const [, signer, base64 = ''] = line.split(' ')
    const signature = Buffer.from(base64, 'base64')
    if (signer !== name || Buffer.compare(signature.subarray(0, 4), keyId) !== 0) continue
    const x = key.subarray(1).toString('base64url')
    const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
    if (verify(null, Buffer.from(text), publicKey, signature.subarray(4))) return text
  }
  throw new Error('not signed by the key')
}

export const readCheckpoint = (fetch: Fetch, vkey: string) => {
  const [origin = '', size = '', root = ''] = openNote(fetch('checkpoint').toString(), vkey).split('\n')
  return { origin, size: Number(size), root: Buffer.from(root, 'base64') }
}

/** `tile/<L>/<N>[.p/<W>]`. */
const pathOf = (level: number | 'entries', index: number, count: number) => {
  const width = Math.min(256, count - index * 256)
  let name = String(index % 1000).padStart(3, '0')
  for (let rest = Math.floor(index / 1000); rest > 0; rest = Math.floor(rest / 1000))
    name = `x${String(rest % 1000).padStart(3, '0')}/${name}`
  return `tile/${level}/${name}${width < 256 ? `.p/${width}` : ''}`
}

export const readEntries = (fetch: Fetch, size: number): Buffer[] => {
  const entries: Buffer[] = []
  for (let tile = 0; tile * 256 < size; tile++) {
    let rest = fetch(pathOf('entries', tile, size))
    while (rest.length > 0) {
      const length = rest.readUInt16BE()
      entries.push(rest.subarray(2, 2 + length))
      rest = rest.subarray(2 + length)
    }
  }
  return entries
}

export const rootOfEntries = (entries: Buffer[]): Buffer => mth(entries.map(hashLeaf))

/** The root as a client of tiles has it that reads no entries: from the hashes of level 0, and that of every level above. */
export const rootOfTiles = (fetch: Fetch, size: number): Buffer => {
  const hashesOf = (level: number) => {
    const count = Math.floor(size / 256 ** level)
    const hashes: Buffer[] = []
    for (let tile = 0; tile * 256 < count; tile++) {
      const bytes = fetch(pathOf(level, tile, count))
      for (let at = 0; at < bytes.length; at += 32) hashes.push(bytes.subarray(at, at + 32))
    }
    return hashes
  }
  const leaves = hashesOf(0)
  for (let level = 1; 256 ** level <= size; level++)
    for (const [index, hash] of hashesOf(level).entries()) {
      const span = 256 ** level
      if (Buffer.compare(hash, mth(leaves.slice(index * span, (index + 1) * span))) !== 0)
        throw new Error(`hash ${index} of level ${level} is not that of its leaves`)
    }
  return mth(leaves)
}
