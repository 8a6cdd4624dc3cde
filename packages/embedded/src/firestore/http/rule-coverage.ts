import {
  Duration,
  Failure,
  LatLng,
  MapDiff,
  Path,
  RulesSet,
  Timestamp,
  type ExpressionReport,
  type RulesMap,
  type Ruleset,
  type RulesValue,
} from '../../rules/index.ts'

const listJson = (values: readonly RulesValue[]) => ({ values: values.map(valueJson) })

/** A value by its type, as Google's rules API writes values in JSON. */
const valueJson = (value: RulesValue | Failure): object => {
  if (value === null) return { nullValue: null }
  if (typeof value === 'boolean') return { boolValue: value }
  if (typeof value === 'bigint') return { intValue: String(value) }
  if (typeof value === 'number') return { floatValue: Number.isFinite(value) ? value : String(value) }
  if (typeof value === 'string') return { stringValue: value }
  if (value instanceof Failure) return { undefined: { causeMessage: value.message } }
  if (value instanceof Uint8Array) return { bytesValue: Buffer.from(value).toString('base64') }
  if (value instanceof Timestamp) return { timestampValue: new Date(Number(value.nanos / 1_000_000n)).toISOString() }
  if (value instanceof Duration) return { durationValue: `${Number(value.nanos) / 1e9}s` }
  if (value instanceof LatLng) return { latlngValue: { latitude: value.latitude, longitude: value.longitude } }
  if (value instanceof Path) return { pathValue: { segments: value.segments.map((simple) => ({ simple })) } }
  if (value instanceof RulesSet) return { setValue: listJson(value.items) }
  if (value instanceof Map) {
    const entries = [...(value as RulesMap)].map(([key, one]) => [key, valueJson(one)] as const)
    return { mapValue: { fields: Object.fromEntries(entries) } }
  }
  if (Array.isArray(value)) return { listValue: listJson(value) }
  return value instanceof MapDiff ? { mapDiffValue: {} } : {}
}

const reportJson = ({ position, values, children }: ExpressionReport): object => ({
  sourcePosition: {
    line: position.line,
    column: position.column,
    currentOffset: position.offset,
    endOffset: position.endOffset,
  },
  values: values.map(({ value, count }) => ({ value: valueJson(value), count })),
  ...(children.length > 0 && { children: children.map(reportJson) }),
})

/** What every expression of the rules came to, and how often. */
export const coverageJson = (ruleset: Ruleset): object => ({
  rules: { files: [{ name: 'security.rules', content: ruleset.source }] },
  report: ruleset.coverage().map(reportJson),
})

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const escape = (text: string): string => text.replaceAll(/[&<>"]/g, (character) => ESCAPES[character] as string)

const describe = ({ values }: ExpressionReport): string =>
  values.length === 0
    ? 'Expression never evaluated'
    : values
        .map(({ value, count }) => {
          const [[type, content] = ['value', null]] = Object.entries(valueJson(value)) as [string, unknown][]
          return `${type === 'undefined' ? 'error: ' : ''}${JSON.stringify(content)} (${count}x)`
        })
        .join('\n')

/** The source between two offsets, with what the reports within it say. */
const marked = (source: string, reports: readonly ExpressionReport[], from: number, to: number): string => {
  let html = ''
  let at = from
  for (const report of reports) {
    const { offset, endOffset } = report.position
    if (offset < at) continue
    const inner = marked(source, report.children, offset, endOffset + 1)
    const title = escape(describe(report))
    const seen = report.values.length > 0 ? 'seen' : 'unseen'
    html += `${escape(source.slice(at, offset))}<span class="${seen}" title="${title}">${inner}</span>`
    at = endOffset + 1
  }
  return html + escape(source.slice(at, to))
}

const STYLE = '.seen{background:#e6f4ea}.unseen{background:#fce8e6}span:hover{outline:1px solid #888}'

/** The same as a page: the source, in which each expression tells what it came to. */
export const coverageHtml = (ruleset: Ruleset): string => {
  const { source } = ruleset
  const body = marked(source, ruleset.coverage(), 0, source.length)
  return `<!doctype html><meta charset="utf-8"><title>Rule coverage</title><style>${STYLE}</style><pre>${body}</pre>\n`
}
