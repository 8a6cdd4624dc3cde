// npm run bench -- <name> [--json]
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import { desired } from './desired.ts'
import { engines } from './engines.ts'
import { fold } from './fold/index.ts'
import { ingest } from './ingest.ts'
import { ledger } from './ledger/index.ts'
import type { Row } from './measure.ts'
import { propagation } from './propagation.ts'
import { rebuild } from './rebuild.ts'
import { search } from './search.ts'
import { subscriptions } from './subscriptions.ts'

const benchmarks: Record<string, () => Promise<Row[]>> = {
  desired,
  engines,
  fold,
  ingest,
  ledger,
  propagation,
  rebuild,
  search,
  subscriptions,
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false } },
})
const [name = ''] = positionals
const benchmark = Object.hasOwn(benchmarks, name) ? benchmarks[name] : undefined
if (!benchmark) {
  process.stderr.write(`usage: npm run bench -- <${Object.keys(benchmarks).join(' | ')}> [--json]\n`)
  process.exit(2)
}

// Google's clients look for a cloud to authenticate with unless told that there is none.
process.env['METADATA_SERVER_DETECTION'] = 'none'
const rows = await benchmark()
if (values.json) process.stdout.write(`${JSON.stringify({ rows })}\n`)
else {
  const table = new Table({ head: ['', 'value', 'unit', 'limit', 'ratio'], style: { head: [], border: [] } })
  for (const { name: what, value, unit, limit, ratio } of rows)
    table.push([what, value, unit, limit ?? '', ratio ?? ''])
  process.stdout.write(`${table.toString()}\n`)
}
