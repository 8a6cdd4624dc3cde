// Below this share of a token, a sum of fractions has missed it only by rounding.
const ROUNDING = 1e-9
const SLOWED_AT_MOST_EVERY_MS = 1000
const SHARE_MIN = 1 / 64

/**
 * At most `burst` at once and `ratePerSecond` on average. A target that answers that it is overloaded halves the rate, at
 * most once a second and down to a 64th; each success gives a tenth of it back. (Production slows down too, and does not
 * say how.)
 */
export class TokenBucket {
  readonly #ratePerMs: number
  readonly #burst: number
  #tokens: number
  #filledMs: number
  #share = 1
  #slowedMs = -Infinity

  constructor(ratePerSecond: number, burst: number, nowMs: number) {
    this.#ratePerMs = ratePerSecond / 1000
    this.#burst = burst
    this.#tokens = burst
    this.#filledMs = nowMs
  }

  /** Takes one if there is one. */
  take(nowMs: number): boolean {
    this.#fill(nowMs)
    if (this.#tokens < 1 - ROUNDING) return false
    this.#tokens = Math.max(0, this.#tokens - 1)
    return true
  }

  /** When there will be one. */
  readyMs(nowMs: number): number {
    this.#fill(nowMs)
    return nowMs + Math.max(0, 1 - this.#tokens) / (this.#ratePerMs * this.#share)
  }

  slowDown(nowMs: number): void {
    if (nowMs < this.#slowedMs + SLOWED_AT_MOST_EVERY_MS) return
    this.#fill(nowMs)
    this.#slowedMs = nowMs
    this.#share = Math.max(SHARE_MIN, this.#share / 2)
    this.#tokens = Math.min(1, this.#tokens)
  }

  recover(nowMs: number): void {
    this.#fill(nowMs)
    this.#share = this.#share > 0.9 - ROUNDING ? 1 : this.#share + 0.1
  }

  #fill(nowMs: number): void {
    const gained = (nowMs - this.#filledMs) * this.#ratePerMs * this.#share
    this.#tokens = Math.min(this.#share < 1 ? 1 : this.#burst, this.#tokens + gained)
    this.#filledMs = nowMs
  }
}
