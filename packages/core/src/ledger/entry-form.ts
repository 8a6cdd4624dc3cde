import { actorKinds, LedgerEntry, ledgerEntryBytesMax, ledgerKinds } from '@infinity-matrix/contracts'
import { canonicalJson } from '../shared/canonical-json.ts'

// Most entries have no character beyond ASCII, nothing to escape and no fraction. Of those one expression tells whether
// they are canonical and of the schema, many times faster than it is to read them; all others are read.
const plain = String.raw`[ !#-\[\]-~]`
const anyOf = (words: readonly string[]) => `"(?:${words.join('|')})"`
const orNull = (value: string) => `(?:null|${value})`
const recordOf = (value: string) => String.raw`(\{(?:"${plain}*":${value}(?:,"${plain}*":${value})*)?\})`

/** The members of an entry in their canonical order. How long a text may be is asked afterwards: counting takes longer. */
const members = {
  action: '"[a-z]+(?:-[a-z]+)*"',
  actor: String.raw`\{"id":"(${plain}*)","kind":${anyOf(actorKinds)}\}`,
  commitments: recordOf('"[A-Za-z0-9_-]{43}"'),
  details: recordOf(String.raw`(?:"${plain}*"|0|-?[1-9]\d{0,14}|true|false|null)`),
  id: '"([0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})"',
  kind: anyOf(ledgerKinds),
  outcome: anyOf(LedgerEntry.shape.outcome.options),
  reason: orNull(`"(${plain}*)"`),
  subject: `"(${plain}*)"`,
  tenant: `"(${plain}*)"`,
  time: String.raw`"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z"`,
  trace: orNull('"[0-9a-f]{32}"'),
  version: '1',
} satisfies Record<keyof LedgerEntry, string>

const plainEntry = new RegExp(
  String.raw`^\{${Object.entries(members)
    .map(([name, value]) => `"${name}":${value}`)
    .join(',')}\}$`,
)

const textMax = { actorId: 128, detail: 300, reason: 200, subject: 300, tenant: 63 }

/**
 * Whether the names of a plain record are each there once, in order, and its texts not too long. The schema does not know
 * the name `__proto__`.
 */
const isOrdered = (record: string): boolean => {
  // Most records have one name or none.
  if (record.length <= textMax.detail && !record.includes(',"')) return !record.startsWith('{"__proto__"')
  let last: string | undefined
  // Nothing plain has a quote within.
  for (let at = 1; at < record.length - 1;) {
    const end = record.indexOf('"', at + 1)
    const name = record.slice(at + 1, end)
    if ((last !== undefined && name <= last) || name === '__proto__') return false
    last = name
    const value = end + 2
    const valueEnd = record[value] === '"' ? record.indexOf('"', value + 1) : value
    if (valueEnd - value > textMax.detail + 1) return false
    const comma = record.indexOf(',', valueEnd)
    at = comma < 0 ? record.length : comma + 1
  }
  return true
}

/** The id of an entry whose text is plain, canonical and of the schema; undefined where only reading it can tell. */
export const plainEntryId = (text: string): string | undefined => {
  const match = text.length <= ledgerEntryBytesMax ? plainEntry.exec(text) : null
  if (!match) return undefined
  const isShort =
    isWithin(match[1], textMax.actorId) &&
    isWithin(match[5], textMax.reason) &&
    isWithin(match[6], textMax.subject) &&
    isWithin(match[7], textMax.tenant)
  return isShort && isOrdered(match[2] ?? '') && isOrdered(match[3] ?? '') ? match[4] : undefined
}

const isWithin = (text: string | undefined, max: number): boolean => text === undefined || text.length <= max

/** What a leaf is found to be: the id of its entry, or what keeps it from being one. */
export type EntryForm = { id: string; fault?: undefined } | { fault: string }

/** Whether the text of a leaf is an entry in its one form: canonical JSON, of the schema, not too long. */
export const entryForm = (text: string): EntryForm => {
  const id = plainEntryId(text)
  return id === undefined ? entryFormRead(text) : { id }
}

/** The same for every text, by reading it. */
export const entryFormRead = (text: string): EntryForm => {
  try {
    const entry = LedgerEntry.safeParse(JSON.parse(text))
    if (!entry.success) {
      const [issue] = entry.error.issues
      return { fault: `is no entry: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}` }
    }
    if (canonicalJson(entry.data) !== text) return { fault: 'is not in canonical form (RFC 8785)' }
    // In UTF-8 a code unit is three bytes at most.
    const bytes =
      text.length * 3 <= ledgerEntryBytesMax ? text.length : encodeURIComponent(text).replaceAll(/%../g, '%').length
    return bytes <= ledgerEntryBytesMax
      ? { id: entry.data.id }
      : { fault: `has more than ${ledgerEntryBytesMax} bytes` }
  } catch (error) {
    return { fault: `is no JSON: ${error instanceof Error ? error.message : String(error)}` }
  }
}
