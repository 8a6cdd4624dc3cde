import { checkRules } from './check/check.ts'
import { Ruleset, type RulesetOptions } from './ruleset.ts'
import type { Issue } from './syntax/issue.ts'
import { parseRules } from './syntax/parser.ts'

export interface Compilation {
  /** null if one of the issues is an error. */
  readonly ruleset: Ruleset | null
  readonly issues: readonly Issue[]
}

/** In UTF-8. */
const sourceBytesMax = 256 * 1024

/** Compiles a source. Never throws: what is wrong with it is among the issues. */
export const compileRules = (source: string, options: RulesetOptions = {}): Compilation => {
  if (Buffer.byteLength(source) > sourceBytesMax) {
    const description = `Rules source is larger than ${sourceBytesMax} bytes.`
    return { ruleset: null, issues: [{ severity: 'ERROR', description, position: null }] }
  }
  const parsed = parseRules(source)
  const { file } = parsed
  // Names are checked once all of them could be read.
  const issues = parsed.issues.length > 0 ? parsed.issues : checkRules(file)
  const failed = issues.some(({ severity }) => severity === 'ERROR')
  return { ruleset: failed ? null : new Ruleset(source, file, options), issues }
}
