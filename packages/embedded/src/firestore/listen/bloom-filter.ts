import { createHash } from 'node:crypto'

/** google.firestore.v1.BloomFilter */
export interface BloomFilter {
  readonly bits: { readonly bitmap: Uint8Array; readonly padding: number }
  readonly hashCount: number
}

// Of names that are not in a large filter one in 10,000 passes for one that is; the client then asks for the whole target.
const FALSE_POSITIVES = 1e-4

/** The places of a name: two hashes, halves of its MD5, make all the others. */
export function* bitsOf(name: string, bitCount: number, hashCount: number): Generator<number> {
  const digest = createHash('md5').update(name, 'utf8').digest()
  const first = digest.readBigUInt64LE(0)
  const second = digest.readBigUInt64LE(8)
  for (let i = 0n; i < hashCount; i++) yield Number(BigInt.asUintN(64, first + i * second) % BigInt(bitCount))
}

/**
 * A filter that has every one of `names`, the full names of documents.
 * Source: google/firestore/v1/bloom_filter.proto, and what Firestore's clients hash.
 */
export const bloomFilterOf = (names: readonly string[]): BloomFilter => {
  if (names.length === 0) return { bits: { bitmap: new Uint8Array(), padding: 0 }, hashCount: 0 }
  const bitCount = Math.ceil((-names.length * Math.log(FALSE_POSITIVES)) / Math.LN2 ** 2)
  const hashCount = Math.max(1, Math.round((bitCount / names.length) * Math.LN2))
  const bitmap = new Uint8Array(Math.ceil(bitCount / 8))
  for (const name of names) {
    for (const bit of bitsOf(name, bitCount, hashCount)) {
      const byte = bit >> 3
      bitmap[byte] = (bitmap[byte] ?? 0) | (1 << (bit & 7))
    }
  }
  return { bits: { bitmap, padding: bitmap.length * 8 - bitCount }, hashCount }
}
