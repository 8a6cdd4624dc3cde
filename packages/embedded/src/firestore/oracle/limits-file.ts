import { differences, type OracleFile } from './case.ts'
import { asInProduction } from './exceptions.ts'
import type { JsonObject } from './proto-json.ts'
import { recording } from './recordings.ts'

// A value as the recording describes it: its kind, and how much of it.
type Spec =
  | ['string', number, string]
  | ['bytes', number]
  | ['int']
  | ['map', Record<string, Spec>]
  | ['array', Spec[]]
  | ['nest', number, boolean]

const fieldsOf = (specs: Record<string, Spec>): JsonObject =>
  Object.fromEntries(Object.entries(specs).map(([name, spec]) => [name, valueOf(spec)]))

const nest = (levels: number, mixed: boolean): JsonObject => {
  let value: JsonObject = { integerValue: '1' }
  for (let i = 0; i < levels; i++) {
    value = mixed && i % 2 === 0 ? { arrayValue: { values: [value] } } : { mapValue: { fields: { m: value } } }
  }
  return value
}

const valueOf = (spec: Spec): JsonObject => {
  switch (spec[0]) {
    case 'string':
      return { stringValue: spec[2].repeat(spec[1]) }
    case 'bytes':
      return { bytesValue: Buffer.alloc(spec[1], 'x').toString('base64') }
    case 'int':
      return { integerValue: '1' }
    case 'map':
      return { mapValue: { fields: fieldsOf(spec[1]) } }
    case 'array':
      return { arrayValue: { values: spec[1].map(valueOf) } }
    case 'nest':
      return nest(spec[1], spec[2])
  }
}

interface LimitCase {
  name: string
  path: (string | ['repeat', string, number])[]
  fields: Record<string, Spec>
  outcome: { status: number; message: string }
}

const DATABASE = 'projects/oracle/databases/(default)'

const { cases } = recording<{ cases: LimitCase[] }>('limits', { cases: [] })

export const limits: OracleFile = {
  name: 'limits',
  cases: cases.map(({ name, path, fields, outcome }) => ({
    name,
    async play({ owner }) {
      const ids = path.map((id) => (typeof id === 'string' ? id : id[1].repeat(id[2])))
      const update = { name: `${DATABASE}/documents/${ids.join('/')}`, fields: fieldsOf(fields) }
      const { status, message } = await owner.call('Commit', { database: DATABASE, writes: [{ update }] })
      const recorded = asInProduction(outcome.status === 200 ? 'OK' : 'INVALID_ARGUMENT', outcome.message)
      return differences({ status, message: recorded.message === null ? null : message }, recorded)
    },
  })),
}
