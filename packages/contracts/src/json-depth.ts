const quote = 0x22
const backslash = 0x5c

/** A request's JSON is nested at most so deep: twice as deep as anything that is asked for. */
export const jsonDepthMax = 32

/**
 * Whether objects and lists in a JSON text are nested deeper than so. It reads the text once and keeps nothing, so that what is
 * nested without end is refused before it is parsed. Of a text that is no JSON it says anything.
 */
export const isNestedDeeper = (text: string, depthMax: number): boolean => {
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit === quote) at = endOfString(text, at + 1)
    // `[` and `{`, `]` and `}` differ from each other in one bit.
    else if ((unit | 0x20) === 0x7b) {
      if (++depth > depthMax) return true
    } else if ((unit | 0x20) === 0x7d) depth--
  }
  return false
}

const endOfString = (text: string, from: number): number => {
  for (let at = text.indexOf('"', from); at !== -1; at = text.indexOf('"', at + 1)) {
    let slashes = at
    while (text.charCodeAt(slashes - 1) === backslash) slashes--
    // Of `\\"` the quote ends the string, of `\"` it does not.
    if ((at - slashes) % 2 === 0) return at
  }
  return text.length
}
