import { hash } from 'node:crypto'
import type { Finding } from './finding.ts'
import type { ExpectedLetter } from './messages.ts'

/** A dead letter as it is kept, with all its bytes. */
export interface KeptLetter {
  id: string
  code: string
  bytes: Uint8Array
}

const shown = (bytes: Uint8Array) => Buffer.from(bytes.subarray(0, 300)).toString('utf8')

/**
 * Compares dead letters with what was planted, by their bytes.
 *
 * A planted input without a letter is lost, and so is a letter that was never announced. A letter too many, one with
 * another code, and one of an input that was not planted are unexplained.
 *
 * @param announced ids of letters that were published on a dead-letter topic
 */
export const checkLetters = (
  expected: readonly ExpectedLetter[],
  kept: readonly KeptLetter[],
  announced: ReadonlySet<string>,
): Finding[] => {
  const keptByBytes = Map.groupBy(kept, ({ bytes }) => hash('sha256', bytes))
  const findings: Finding[] = []
  const isExpected = new Set<string>()
  for (const { code, bytes, count } of expected) {
    const key = hash('sha256', bytes)
    isExpected.add(key)
    const letters = keptByBytes.get(key) ?? []
    const about = { input: shown(bytes), expected: `${count} x ${code}` }
    for (const letter of letters.filter((one) => one.code !== code))
      findings.push({
        kind: 'unexplained',
        what: `dead letter ${letter.id} has another code`,
        ...about,
        stored: letter.code,
      })
    for (let missing = letters.length; missing < count; missing++)
      findings.push({ kind: 'lost', what: `${code} has no dead letter`, ...about, stored: letters.length })
    for (const letter of letters.slice(count))
      findings.push({
        kind: 'unexplained',
        what: `dead letter ${letter.id} is one too many`,
        ...about,
        stored: letters.length,
      })
  }
  for (const [key, letters] of keptByBytes)
    if (!isExpected.has(key))
      for (const { id, code, bytes } of letters)
        findings.push({
          kind: 'unexplained',
          what: `dead letter ${id} was not planted`,
          expected: shown(bytes),
          stored: code,
        })
  for (const { id, code } of kept)
    if (!announced.has(id))
      findings.push({ kind: 'lost', what: `dead letter ${id} was not announced`, expected: 'announced', stored: code })
  return findings
}
