/**
 * Which ids (UUIDs as text) were seen where, in 24 bytes or so each: a log has more entries than a Map has room for.
 * Open addressing, by the random bits at the end of an id.
 */
export class SeenIds {
  #words = new Uint32Array(4 * 1024)
  /** The number of the entry plus one; 0 where there is none. */
  #numbers = new Float64Array(1024)
  #count = 0

  /** Remembers where an id was seen. @returns the number of the entry that it was seen at before, if it was */
  add(id: string, number: number): number | undefined {
    if (this.#count * 2 >= this.#numbers.length) this.#grow()
    const words = wordsOf(id)
    const at = this.#find(words)
    const seen = this.#numbers[at] ?? 0
    if (seen > 0) return seen - 1
    this.#put(at, words, number + 1)
    this.#count++
    return undefined
  }

  #find([a, b, c, d]: Words): number {
    const mask = this.#numbers.length - 1
    let at = d & mask
    while (this.#numbers[at] !== 0) {
      const word = at * 4
      const known = this.#words
      if (known[word + 3] === d && known[word + 2] === c && known[word + 1] === b && known[word] === a) break
      at = (at + 1) & mask
    }
    return at
  }

  #put(at: number, words: Words, number: number) {
    this.#words.set(words, at * 4)
    this.#numbers[at] = number
  }

  #grow() {
    const words = this.#words
    const numbers = this.#numbers
    this.#words = new Uint32Array(words.length * 2)
    this.#numbers = new Float64Array(numbers.length * 2)
    for (const [at, number] of numbers.entries()) {
      if (number === 0) continue
      const [a = 0, b = 0, c = 0, d = 0] = words.subarray(at * 4, at * 4 + 4)
      this.#put(this.#find([a, b, c, d]), [a, b, c, d], number)
    }
  }
}

type Words = [number, number, number, number]

const hex = (text: string) => Number.parseInt(text, 16)

/** `019ac7a0-1234-7abc-8def-0123456789ab` as four numbers of 32 bits. */
const wordsOf = (id: string): Words => [
  hex(id.slice(0, 8)),
  hex(id.slice(9, 13)) * 0x10000 + hex(id.slice(14, 18)),
  hex(id.slice(19, 23)) * 0x10000 + hex(id.slice(24, 28)),
  hex(id.slice(28)),
]
