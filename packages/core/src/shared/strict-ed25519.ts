/** The order of the base point, and the prime of the field. RFC 8032, section 5.1. */
const order = 2n ** 252n + 27742317777372353535851937790883648493n
const prime = 2n ** 255n - 19n

// Of the eight points whose order divides 8, two share each y but 1 and -1; so a point's y tells whether it is one of them.
const orderEightY = 0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n
const smallOrderYs: readonly bigint[] = [0n, 1n, prime - 1n, orderEightY, prime - orderEightY]

const keyBytes = 32
const signatureBytes = 64

/** Of bytes of which the last counts most. */
const numberOf = (bytes: Uint8Array): bigint => {
  const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0'))
  return BigInt(`0x${digits.toReversed().join('')}`)
}

/** Whether a point is written in its one form, and is not of small order: whoever may choose such a point signs for everybody. */
const isGoodPoint = (bytes: Uint8Array): boolean => {
  const y = numberOf(bytes) & (2n ** 255n - 1n)
  return y < prime && !smallOrderYs.includes(y)
}

/** Whether a key is written as the strict policy of docs/rooms/ledger.md wants it. */
export const isStrictKey = (publicKey: Uint8Array): boolean => publicKey.length === keyBytes && isGoodPoint(publicKey)

/**
 * Whether a key and a signature are written as the strict policy of docs/rooms/ledger.md wants them: rules 1 to 4 of it,
 * which do not ask what was signed.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8032#section-5.1.7
 * @see Chalkias, Garillot, Nikolaenko, "Taming the many EdDSAs", 2020
 */
export const isStrictlyFormed = (publicKey: Uint8Array, signature: Uint8Array): boolean =>
  isStrictKey(publicKey) &&
  signature.length === signatureBytes &&
  numberOf(signature.subarray(keyBytes)) < order &&
  isGoodPoint(signature.subarray(0, keyBytes))
