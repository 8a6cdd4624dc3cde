import { Failure, type Outcome } from '../values/failure.ts'
import { sizeMax, tooLarge } from '../evaluate/size.ts'
import { functions, overload } from './signature.ts'
import { regex } from './regex.ts'

const withRegex = (
  pattern: string,
  use: (expression: Exclude<ReturnType<typeof regex>, Failure>) => Outcome,
): Outcome => {
  const expression = regex(pattern)
  if (expression instanceof Failure) return expression
  try {
    return use(expression)
  } catch (error) {
    return new Failure(`Invalid regular expression: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** As production splits: on empty matches as well, wherever they are, and without empty pieces at the end. */
const split = (text: string, pattern: string): Outcome =>
  withRegex(pattern, (expression) => {
    const matcher = expression.matcher(text)
    const pieces: string[] = []
    let from = 0
    while (matcher.find()) {
      pieces.push(text.slice(from, matcher.start()))
      from = matcher.end()
    }
    pieces.push(text.slice(from))
    while (pieces.length > 1 && pieces.at(-1) === '') pieces.pop()
    return pieces
  })

/** How often a character is in a text. */
const count = (text: string, character: string): number => text.split(character).length - 1

// In the replacement, $0 is the match and $1 its first group, as in Java.
const replace = (text: string, pattern: string, replacement: string): Outcome =>
  withRegex(pattern, (expression) => {
    const matcher = expression.matcher(text)
    // Before it is made: a text of a megabyte in place of each letter of another would not fit anywhere.
    let size = text.length * (1 + count(replacement, '$'))
    while (matcher.find() && size <= sizeMax) size += replacement.length
    return size > sizeMax ? tooLarge : expression.matcher(text).replaceAll(replacement, true)
  })

export const stringMethods = functions({
  // Of UTF-16, as Java counts.
  size: overload([], (text: string) => BigInt(text.length)),
  lower: overload([], (text: string) => text.toLowerCase()),
  upper: overload([], (text: string) => text.toUpperCase()),
  trim: overload([], (text: string) => text.trim()),
  toUtf8: overload([], (text: string) => new TextEncoder().encode(text)),
  matches: overload(['string'], (text: string, pattern: string) =>
    withRegex(pattern, (expression) => expression.matcher(text).matches()),
  ),
  split: overload(['string'], split),
  replace: overload(['string', 'string'], replace),
})
