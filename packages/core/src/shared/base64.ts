const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/** Base64 with padding, RFC 4648, section 4. */
export const toBase64 = (bytes: Uint8Array): string => {
  let text = ''
  for (let at = 0; at < bytes.length; at += 3) {
    const bits = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0)
    const digits = [bits >> 18, (bits >> 12) & 63, (bits >> 6) & 63, bits & 63].map((digit) => alphabet[digit] ?? '')
    const count = Math.min(3, bytes.length - at) + 1
    text += digits.slice(0, count).join('').padEnd(4, '=')
  }
  return text
}

const isBase64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/**
 * The bytes of a text in base64, or undefined where it is none or not the one text for its bytes: white space, missing
 * padding and bits set after the last byte are other texts.
 */
export const fromBase64 = (text: string): Uint8Array | undefined => {
  if (!isBase64.test(text)) return undefined
  const padding = text.endsWith('==') ? 2 : Number(text.endsWith('='))
  const bytes = new Uint8Array((text.length / 4) * 3)
  for (let at = 0; at < text.length; at += 4) {
    const bits = [0, 1, 2, 3].reduce(
      (sum, digit) => sum * 64 + Math.max(0, alphabet.indexOf(text[at + digit] ?? '')),
      0,
    )
    bytes.set([bits >> 16, (bits >> 8) & 255, bits & 255], (at / 4) * 3)
  }
  const whole = bytes.subarray(0, bytes.length - padding)
  return toBase64(whole) === text ? whole : undefined
}
