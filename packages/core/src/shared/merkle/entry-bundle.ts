import { joined } from './hash.ts'

/** An entry's length stands in front of it in two bytes. */
export const entryBytesMax = 0xffff

/**
 * Entries as a tile of them holds them: the length of each as two bytes, the higher first, then the entry.
 *
 * @throws RangeError where an entry is too long
 * @see https://c2sp.org/tlog-tiles, "Log entries"
 */
export const entryBundle = (entries: readonly Uint8Array[]): Uint8Array =>
  joined(
    entries.flatMap((entry) => {
      if (entry.length > entryBytesMax)
        throw new RangeError(
          `an entry of a bundle has at most ${entryBytesMax} bytes, and this one has ${entry.length}`,
        )
      return [Uint8Array.of(entry.length >> 8, entry.length & 0xff), entry]
    }),
  )

/** The entries of a bundle, as views of its bytes. @throws RangeError where it does not hold exactly so many */
export const parseEntryBundle = (bytes: Uint8Array, count: number): Uint8Array[] => {
  const entries: Uint8Array[] = []
  let offset = 0
  while (offset < bytes.length) {
    if (entries.length === count)
      throw new RangeError(`${bytes.length - offset} bytes stand after the last of ${count} entries`)
    const length = ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0)
    if (offset + 2 + length > bytes.length)
      throw new RangeError(`entry ${entries.length} of the bundle ends after the bundle's last byte`)
    entries.push(bytes.subarray(offset + 2, offset + 2 + length))
    offset += 2 + length
  }
  if (entries.length !== count) throw new RangeError(`a bundle of ${count} entries has but ${entries.length}`)
  return entries
}
