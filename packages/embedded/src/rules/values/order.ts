import { Duration, Timestamp, type RulesValue } from './value.ts'

/** Strings in the order of their code points, which is that of their UTF-8 bytes, Firestore's order. */
const compareStrings = (a: string, b: string): number => {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const left = a.charCodeAt(i)
    const right = b.charCodeAt(i)
    if (left === right) continue
    // A surrogate, half of a code point beyond 16 bits, comes after all others.
    const surrogates = Number(left >= 0xd800 && left < 0xe000) - Number(right >= 0xd800 && right < 0xe000)
    return surrogates === 0 ? left - right : surrogates
  }
  return a.length - b.length
}

const order = (a: bigint | number, b: bigint | number): number | null => (a < b ? -1 : a > b ? 1 : a <= b ? 0 : null)

/** Negative, 0 or positive; null where the language has no order: other types, two different ones, NaN. */
export const compare = (a: RulesValue, b: RulesValue): number | null => {
  if (typeof a === 'string' && typeof b === 'string') return compareStrings(a, b)
  const number = typeof a === 'bigint' || typeof a === 'number'
  if (number && (typeof b === 'bigint' || typeof b === 'number')) return order(a, b)
  if (a instanceof Timestamp && b instanceof Timestamp) return order(a.nanos, b.nanos)
  if (a instanceof Duration && b instanceof Duration) return order(a.nanos, b.nanos)
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b)
  return null
}
