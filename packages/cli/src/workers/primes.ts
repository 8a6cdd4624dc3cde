// Counts primes, a range at a time.
import { setTimeout as delay } from 'node:timers/promises'
import { act } from './report.ts'

const isPrime = (n: number): boolean => {
  for (let divisor = 2; divisor * divisor <= n; divisor++) if (n % divisor === 0) return false
  return n > 1
}

const rangeLength = 20_000
const ranges = 20
let primes = 0
for (let range = 0; range < ranges; range++) {
  primes += await act('trial-division', () => {
    let found = 0
    for (let n = range * rangeLength; n < (range + 1) * rangeLength; n++) if (isPrime(n)) found++
    return found
  })
  await delay(700)
}
console.log(`${primes} primes below ${ranges * rangeLength}`)
