import { joined } from './hash.ts'
import type { Range } from './range.ts'

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

/**
 * From where to before where the entries of a bundle stand in its bytes, one by one.
 *
 * @throws RangeError at the first that is not whole
 */
export function* entryRanges(bytes: Uint8Array): Generator<Range> {
  let count = 0
  for (let offset = 0; offset < bytes.length; count++) {
    const start = offset + 2
    const end = start + (((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0))
    if (end > bytes.length) throw new RangeError(`entry ${count} of the bundle ends after the bundle's last byte`)
    yield { start, end }
    offset = end
  }
}

/** The entries of a bundle, as views of its bytes. @throws RangeError where it does not hold exactly so many */
export const parseEntryBundle = (bytes: Uint8Array, count: number): Uint8Array[] => {
  const entries = [...entryRanges(bytes)].map(({ start, end }) => bytes.subarray(start, end))
  if (entries.length !== count) throw new RangeError(`a bundle of ${count} entries has ${entries.length}`)
  return entries
}
