// Numbers of a digest as bytes: what heartbeats say is small and alike, and takes a byte or two each.

/**
 * Whole numbers from 0 to 2^32 - 1, each as what it is above the smallest of them, in LEB128; a zero is followed by how many
 * more come at once.
 */
export const encodeColumn = (values: ArrayLike<number>): Uint8Array<ArrayBuffer> => {
  let smallest = values.length === 0 ? 0 : Number.MAX_SAFE_INTEGER
  for (let i = 0; i < values.length; i++) smallest = Math.min(smallest, values[i] ?? 0)
  const bytes = new Uint8Array((values.length + 2) * 5)
  let at = 0
  const put = (value: number) => {
    let rest = value
    while (rest > 0x7f) {
      bytes[at++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    bytes[at++] = rest
  }
  put(smallest)
  for (let i = 0; i < values.length;) {
    const value = values[i++] ?? 0
    put(value - smallest)
    if (value !== smallest) continue
    const first = i
    while (i < values.length && values[i] === smallest) i++
    put(i - first)
  }
  return bytes.slice(0, at)
}

/** @throws {RangeError} when the bytes are not a column of that many numbers */
export const decodeColumn = (bytes: Uint8Array, length: number): Uint32Array => {
  const values = new Uint32Array(length)
  let at = 0
  const take = (): number => {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++]
      if (byte === undefined || scale > 2 ** 28) throw new RangeError(`not a column of ${length} numbers`)
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
  }
  const smallest = take()
  for (let i = 0; i < length;) {
    const above = take()
    values[i++] = smallest + above
    if (above !== 0) continue
    const end = i + take()
    if (end > length) throw new RangeError(`not a column of ${length} numbers`)
    values.fill(smallest, i, end)
    i = end
  }
  if (at !== bytes.length) throw new RangeError(`not a column of ${length} numbers`)
  return values
}
