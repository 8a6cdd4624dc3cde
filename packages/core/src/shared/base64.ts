const digits = Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/')
/** By twelve bits. */
const twoDigits = digits.flatMap((first) => digits.map((second) => first + second))
const digitOf = new Uint8Array(128)
for (const [value, digit] of digits.entries()) digitOf[digit.charCodeAt(0)] = value

/** Base64 with padding, RFC 4648, section 4. */
export const toBase64 = (bytes: Uint8Array): string => {
  let text = ''
  for (let at = 0; at < bytes.length; at += 3) {
    const bits = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0)
    text += `${twoDigits[bits >> 12]}${twoDigits[bits & 4095]}`
  }
  const missing = (3 - (bytes.length % 3)) % 3
  return missing === 0 ? text : text.slice(0, -missing).padEnd(text.length, '=')
}

const isBase64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$/

/**
 * The bytes of a text in base64, or undefined where it is none or not the one text for its bytes: white space, missing
 * padding and bits set after the last byte are other texts.
 */
export const fromBase64 = (text: string): Uint8Array | undefined => {
  if (!isBase64.test(text)) return undefined
  const valueAt = (at: number) => digitOf[text.charCodeAt(at)] ?? 0
  const bytes = new Uint8Array((text.length / 4) * 3)
  for (let at = 0, byte = 0; at < text.length; at += 4, byte += 3) {
    const bits = (valueAt(at) << 18) | (valueAt(at + 1) << 12) | (valueAt(at + 2) << 6) | valueAt(at + 3)
    bytes[byte] = bits >> 16
    bytes[byte + 1] = bits >> 8
    bytes[byte + 2] = bits
  }
  const padding = text.endsWith('==') ? 2 : Number(text.endsWith('='))
  return bytes.subarray(0, bytes.length - padding)
}
