import type { EventChain } from '@infinity-matrix/contracts'

/** SHA-256 of a text's UTF-8, in base64url without padding. */
export type TextHash = (text: string) => string

// What begins with one of them is never mistaken for the other.
const eventPrefix = '\0'
const linkPrefix = '\u0001'

/** The hash of one event: of its own JSON text, as it was received. */
export const eventHashOf = (text: string, hash: TextHash): string => hash(`${eventPrefix}${text}`)

/** The head of a chain after one more event; `head` is empty before the first. */
export const linked = (head: string, eventHash: string, hash: TextHash): string =>
  hash(`${linkPrefix}${head}${eventHash}`)

/**
 * A chain of an agent's events with more at its end: who knows its head knows that no event before it was changed, left
 * out, put in or moved.
 *
 * @param texts each event's own JSON text, in the order in which they count, at least one
 * @param window the commit that stores them
 */
export const extendChain = (
  chain: EventChain | undefined,
  texts: readonly string[],
  window: string,
  hash: TextHash,
): EventChain => {
  let head = chain?.head ?? ''
  for (const text of texts) head = linked(head, eventHashOf(text, hash), hash)
  return { head, length: (chain?.length ?? 0) + texts.length, window }
}
