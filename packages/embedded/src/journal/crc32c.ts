// The Castagnoli polynomial, bits reversed (RFC 3720, appendix B.4).
const POLYNOMIAL = 0x82f6_3b78
const SLICES = 8

/** Eight tables of 256, so that eight bytes are taken at a step. */
const tables = ((): Uint32Array => {
  const made = new Uint32Array(SLICES * 256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1
    made[byte] = crc
  }
  for (let i = 256; i < made.length; i++) {
    const before = made[i - 256] as number
    made[i] = (before >>> 8) ^ (made[before & 0xff] as number)
  }
  return made
})()

const table = (index: number): number => tables[index] as number

/** The CRC32C of `bytes`; `crc` is that of what stands before them. Check: `123456789` gives 0xe3069283. */
export const crc32c = (bytes: Uint8Array, crc = 0): number => {
  const at = (i: number): number => bytes[i] as number
  const { length } = bytes
  let sum = ~crc
  let i = 0
  for (; i + SLICES <= length; i += SLICES) {
    sum ^= at(i) | (at(i + 1) << 8) | (at(i + 2) << 16) | (at(i + 3) << 24)
    sum =
      table(1792 + (sum & 0xff)) ^
      table(1536 + ((sum >>> 8) & 0xff)) ^
      table(1280 + ((sum >>> 16) & 0xff)) ^
      table(1024 + (sum >>> 24)) ^
      table(768 + at(i + 4)) ^
      table(512 + at(i + 5)) ^
      table(256 + at(i + 6)) ^
      table(at(i + 7))
  }
  for (; i < length; i++) sum = table((sum ^ at(i)) & 0xff) ^ (sum >>> 8)
  return ~sum >>> 0
}
