/**
 * Which ids were seen where, in some 50 bytes each: a log has more entries than a Map has room for. Open addressing, by the
 * random bits at the end of an id.
 */
export class SeenIds {
  #words = new Uint32Array(4 * 1024)
  /** The number of the entry plus one; 0 where there is none. */
  #numbers = new Float64Array(1024)
  #count = 0

  /**
   * Remembers the ids (UUIDs as text) of entries one after the other.
   *
   * @param first the number of the first entry
   * @returns the first entry whose id was seen before, and where, if there is one
   */
  addAll(ids: readonly string[], first: number): { number: number; before: number } | undefined {
    const bytes = Buffer.from(ids.join('').replaceAll('-', ''), 'hex')
    const words = new Uint32Array(Uint8Array.from(bytes).buffer)
    for (let number = first; number < first + ids.length; number++) {
      const before = this.#add(words, (number - first) * 4, number)
      if (before !== undefined) return { number, before }
    }
    return undefined
  }

  #add(words: Uint32Array, from: number, number: number): number | undefined {
    if (this.#count * 2 >= this.#numbers.length) this.#grow()
    const at = this.#find(words, from)
    const seen = this.#numbers[at] ?? 0
    if (seen > 0) return seen - 1
    this.#put(at, words, from, number + 1)
    this.#count++
    return undefined
  }

  /** Where an id is, or is to be put. */
  #find(words: Uint32Array, from: number): number {
    const mask = this.#numbers.length - 1
    let at = (words[from + 3] ?? 0) & mask
    while (this.#numbers[at] !== 0 && !this.#isAt(at * 4, words, from)) at = (at + 1) & mask
    return at
  }

  #isAt(at: number, words: Uint32Array, from: number): boolean {
    const known = this.#words
    for (let word = 3; word >= 0; word--) if (known[at + word] !== words[from + word]) return false
    return true
  }

  #put(at: number, words: Uint32Array, from: number, number: number) {
    for (let word = 0; word < 4; word++) this.#words[at * 4 + word] = words[from + word] ?? 0
    this.#numbers[at] = number
  }

  #grow() {
    const [words, numbers] = [this.#words, this.#numbers]
    this.#words = new Uint32Array(words.length * 2)
    this.#numbers = new Float64Array(numbers.length * 2)
    for (let at = 0; at < numbers.length; at++) {
      const number = numbers[at] ?? 0
      if (number !== 0) this.#put(this.#find(words, at * 4), words, at * 4, number)
    }
  }
}
