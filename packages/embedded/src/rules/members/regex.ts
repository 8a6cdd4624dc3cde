import { RE2JS } from 're2js'
import { Failure } from '../values/failure.ts'

const compiled = new Map<string, RE2JS>()
const compiledMax = 1000

/** A regular expression of RE2, or a failure that says what is wrong with it. */
export const regex = (pattern: string): RE2JS | Failure => {
  const known = compiled.get(pattern)
  if (known) return known
  try {
    const made = RE2JS.compile(pattern)
    if (compiled.size >= compiledMax) compiled.clear()
    compiled.set(pattern, made)
    return made
  } catch (error) {
    return new Failure(`Invalid regular expression: ${error instanceof Error ? error.message : String(error)}`)
  }
}
