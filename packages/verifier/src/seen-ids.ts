/**
 * Which ids were seen where, in some 50 bytes each: a log has more entries than a Map has room for. Open addressing, by the
 * random bits at the end of an id.
 */
export class SeenIds {
  readonly #words: Uint32Array
  /** The number of the entry plus one; 0 where there is none. */
  readonly #numbers: Float64Array

  /** @param count how many ids will be seen at most */
  constructor(count: number) {
    const places = 2 ** Math.ceil(Math.log2(count * 2 + 1))
    this.#words = new Uint32Array(places * 4)
    this.#numbers = new Float64Array(places)
  }

  /**
   * Remembers the ids (UUIDs as text) of entries one after the other.
   *
   * @param first the number of the first entry
   * @returns the first entry whose id was seen before, and where, if there is one
   */
  addAll(ids: readonly string[], first: number): { number: number; before: number } | undefined {
    const words = new Uint32Array(4)
    let number = first
    for (const id of ids) {
      readWords(id, words)
      const before = this.#add(words, number)
      if (before !== undefined) return { number, before }
      number++
    }
    return undefined
  }

  #add(words: Uint32Array, number: number): number | undefined {
    const at = this.#find(words)
    const seen = this.#numbers[at] ?? 0
    if (seen > 0) return seen - 1
    this.#words.set(words, at * 4)
    this.#numbers[at] = number + 1
    return undefined
  }

  /** Where an id is, or is to be put. */
  #find(words: Uint32Array): number {
    const mask = this.#numbers.length - 1
    let at = (words[3] ?? 0) & mask
    while (this.#numbers[at] !== 0 && !this.#isAt(at * 4, words)) at = (at + 1) & mask
    return at
  }

  #isAt(at: number, words: Uint32Array): boolean {
    const known = this.#words
    return (
      known[at + 3] === words[3] && known[at + 2] === words[2] && known[at + 1] === words[1] && known[at] === words[0]
    )
  }
}

const hyphen = 0x2d
const digitsPerWord = 8

/** Reads the hex digits of a UUID into four words. */
const readWords = (id: string, words: Uint32Array): void => {
  let word = 0
  let digits = 0
  for (let at = 0; at < id.length; at++) {
    const code = id.charCodeAt(at)
    if (code === hyphen) continue
    // 0 to 9 stand at 0x30, a to f at 0x61.
    word = (word << 4) | (code < 0x40 ? code - 0x30 : code - 0x57)
    if (++digits % digitsPerWord === 0) words[digits / digitsPerWord - 1] = word
  }
}
