import * as contracts from '@infinity-matrix/contracts'
import {
  classRules,
  collections,
  dataClassOf,
  fields,
  fieldsOf,
  redacted,
  sealedPathsOf,
  shownAllTheSame,
  storage,
} from '@infinity-matrix/contracts'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { isIndexed, readIndexConfig } from '../hot-spots/index-config.ts'

/** The schemas in a value, each under a name: of an export, or of what it holds, as `reports` does. */
const schemasIn = (name: string, value: unknown): [string, z.ZodType][] => {
  if (value instanceof z.ZodType) return [[name, value]]
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return []
  return Object.entries(value).flatMap(([key, held]) => schemasIn(`${name}[${key}]`, held))
}
const exported = Object.entries(contracts).flatMap(([name, value]) => schemasIn(name, value))

/** Paths of fields that neither have a class nor stand in one that has. */
const unclassed = (schemas: readonly [string, z.ZodType][]) =>
  schemas.flatMap(([name, schema]) =>
    [...fieldsOf(schema)].flatMap(({ path, dataClass }) => (dataClass === undefined ? [`${name}.${path}`] : [])),
  )

describe('the schemas of contracts', () => {
  it('declare a class for every field', () => {
    expect(unclassed(exported), 'declare them with `fields` of data-class.ts').toEqual([])
    expect(exported.length).toBeGreaterThan(70)
  })

  it('that are stored say how what is confidential is kept', () => {
    const missing = Object.values(collections).filter((name) => !Object.hasOwn(storage, name))
    expect(missing, 'add them to storage.ts').toEqual([])
    const inLists = Object.entries(storage).flatMap(([name, { schema, plain }]) =>
      plain === undefined
        ? sealedPathsOf(schema).flatMap((path) => (path.includes('*') ? [`${name}.${path}`] : []))
        : [],
    )
    expect(inLists, 'declare the whole list, or record, confidential').toEqual([])
    const secrets = Object.entries(storage).flatMap(([name, { schema, plain }]) =>
      plain === undefined
        ? []
        : [...fieldsOf(schema)].flatMap((field) => (field.dataClass === 'restricted' ? [`${name}.${field.path}`] : [])),
    )
    expect(secrets, 'a secret is sealed').toEqual([])
  })

  it('are in no index where they are sealed', () => {
    const { fieldOverrides } = readIndexConfig()
    const indexed = Object.entries(storage).flatMap(([name, { schema, plain }]) =>
      plain === undefined ? sealedPathsOf(schema).filter((path) => isIndexed(fieldOverrides, name, path)) : [],
    )
    expect(indexed, 'exempt them in firestore.indexes.json').toEqual([])
  })

  it('hold what may not be exported only where it is said why', () => {
    const unexported = exported.flatMap(([name, schema]) => {
      const fieldsThere = [...fieldsOf(schema)].filter(
        ({ dataClass }) => dataClass !== undefined && !classRules[dataClass].isExported,
      )
      const paths = fieldsThere.map(({ path }) => path)
      const outermost = paths.filter((path) => !paths.some((outer) => path.startsWith(`${outer}.`)))
      return name.startsWith('storage[') ? [] : outermost.map((path) => `${name}.${path}`)
    })
    expect(unexported.toSorted(), 'leave them out of what the API answers, or say why in exported.ts').toEqual(
      Object.keys(shownAllTheSame).toSorted(),
    )
  })

  it('of the ledger have nothing that it may only commit to', () => {
    const others = [...fieldsOf(contracts.LedgerEntry)].filter(
      ({ dataClass }) => dataClass === undefined || classRules[dataClass].recorded !== 'as it is',
    )
    expect(others.map(({ path }) => path)).toEqual([])
  })

  it('are sealed where they hold secrets', () => {
    expect(sealedPathsOf(contracts.SubscriptionDocument)).toEqual(['target.url', 'target.audience'])
  })
})

const Planted = z.object({
  ...fields.internal({
    id: z.string(),
    inner: z.object({ deep: z.string(), ...fields.restricted({ key: z.string() }) }),
  }),
  ...fields.confidential({ task: z.string(), notes: z.array(z.object({ text: z.string() })) }),
  forgotten: z.string(),
  list: z.array(z.object({ entry: z.string() })).optional(),
  either: z.discriminatedUnion('kind', [
    z.object(fields.public({ kind: z.literal('a') })),
    z.object({ kind: z.literal('b') }),
  ]),
})

describe('the check', () => {
  it('names a field that has no class, also within lists and unions', () => {
    expect(unclassed([['Planted', Planted]])).toEqual([
      'Planted.forgotten',
      'Planted.list',
      'Planted.list.*.entry',
      'Planted.either',
      'Planted.either.kind',
    ])
  })

  it('knows a field that is picked, made optional, or given a default', () => {
    const { shape } = Planted.pick({ task: true }).extend({ later: Planted.shape.id.optional().default('x') })
    expect([dataClassOf(shape.task), dataClassOf(shape.later)]).toEqual(['confidential', 'internal'])
    expect(dataClassOf(z.string())).toBeUndefined()
  })

  it('seals the innermost field that asks for it', () => {
    expect(sealedPathsOf(Planted)).toEqual(['inner.key', 'task', 'notes'])
  })
})

describe('what is shown', () => {
  const value = {
    id: 'a',
    inner: { deep: 'b', key: 'secret' },
    task: 'secret',
    notes: [{ text: 'secret' }],
    list: [{ entry: 'c', more: 'secret' }],
    unknown: 'secret',
  }
  it('in a log is neither confidential nor restricted, nor unknown', () => {
    expect(redacted(Planted, value)).toEqual({
      id: 'a',
      inner: { deep: 'b', key: '[restricted]' },
      task: '[confidential]',
      notes: '[confidential]',
      list: [{ entry: 'c', more: '[restricted]' }],
      unknown: '[restricted]',
    })
  })
})
