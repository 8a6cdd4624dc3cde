import type { EventChain } from '@infinity-matrix/contracts'

/** SHA-256 of a text's UTF-8, in base64. */
export type TextHash = (text: string) => string

/**
 * The head of a chain after one more event: the hash of the head before, which is empty before the first, and of the
 * event's own JSON text as it was received. That begins with a character which no head has, so no two chains make the
 * same text. Whoever lacks an event's text goes on from the head after it.
 */
export const linked = (hash: TextHash, head: string, text: string): string => hash(head + text)

/**
 * A chain of an agent's events with more at its end: who knows its head knows that no event before it was changed, left
 * out, put in or moved.
 *
 * @param texts in the order in which they count, at least one
 * @param window the commit that stores them
 */
export const extendChain = (
  hash: TextHash,
  chain: EventChain | undefined,
  texts: readonly string[],
  window: string,
): EventChain => {
  let head = chain?.head ?? ''
  for (const text of texts) head = linked(hash, head, text)
  return { head, length: (chain?.length ?? 0) + texts.length, window }
}
