/** SHA-256 of bytes, or of a text's UTF-8: 32 bytes. It is an argument, since core runs anywhere. */
export type Sha256 = (data: Uint8Array | string) => Uint8Array

export const hashBytes = 32

/**
 * The hash of a leaf, whose prefix keeps it apart from that of a node.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9162#section-2.1.1
 */
export const leafHash = (sha256: Sha256, leaf: Uint8Array | string): Uint8Array => {
  if (typeof leaf === 'string') return sha256(`\0${leaf}`)
  const withPrefix = new Uint8Array(1 + leaf.length)
  withPrefix.set(leaf, 1)
  return sha256(withPrefix)
}

// One for all nodes: to make a buffer of this size takes longer than to hash it.
const prefixed = Uint8Array.of(1, ...new Uint8Array(2 * hashBytes))

/** The hash of the node above two others. */
export const nodeHash = (sha256: Sha256, left: Uint8Array, right: Uint8Array): Uint8Array => {
  prefixed.set(left, 1)
  prefixed.set(right, 1 + hashBytes)
  return sha256(prefixed)
}

/**
 * The root over hashes that stand one after the other in one buffer: leaves, or roots of perfect subtrees of one size of
 * which the last may be smaller.
 */
export const rootOf = (sha256: Sha256, hashes: Uint8Array): Uint8Array => {
  if (hashes.length === 0) return sha256(hashes)
  // A level is written over the one below it, from the left: a tree of any size costs one buffer. The prefix of a node
  // takes the byte in front of its two hashes, which was read before, or is the one in front of all.
  const level = new Uint8Array(1 + hashes.length)
  level.set(hashes, 1)
  let width = hashes.length / hashBytes
  while (width > 1) {
    for (let left = 0; left + 1 < width; left += 2) {
      level[left * hashBytes] = 1
      const node = sha256(level.subarray(left * hashBytes, (left + 2) * hashBytes + 1))
      level.set(node, 1 + (left / 2) * hashBytes)
    }
    // One without a neighbour stands for itself in the level above.
    const last = (width - 1) * hashBytes
    if (width % 2 === 1) level.copyWithin(1 + last / 2, 1 + last, 1 + last + hashBytes)
    width = Math.ceil(width / 2)
  }
  return level.slice(1, 1 + hashBytes)
}

export const areEqual = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, index) => byte === b[index])

/** Buffers in one. */
export const joined = (parts: readonly Uint8Array[]): Uint8Array => {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let offset = 0
  for (const part of parts) {
    whole.set(part, offset)
    offset += part.length
  }
  return whole
}
