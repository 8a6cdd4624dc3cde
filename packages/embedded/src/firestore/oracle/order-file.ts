import { differences, type OracleCase, type OracleFile, type Stage } from './case.ts'
import { at } from './client.ts'
import type { JsonObject } from './proto-json.ts'
import { recording } from './recordings.ts'

interface Recording {
  values: { groups: { label: string; value: JsonObject }[][] }
  paths: { order: string[] }
}

const DATABASE = 'projects/oracle/databases/(default)'
const DOCUMENTS = `${DATABASE}/documents`

const { values, paths } = recording<Recording>('value_order', { values: { groups: [] }, paths: { order: [] } })

const namesOf = async ({ owner }: Stage, structuredQuery: JsonObject): Promise<string[]> => {
  const { responses } = await owner.call('RunQuery', { parent: DOCUMENTS, structuredQuery })
  return responses.map((one) => String(at(one, 'document', 'name')).slice(DOCUMENTS.length + 1))
}

const BY_VALUE = { field: { fieldPath: 'v' }, direction: 'ASCENDING' }
const BY_NAME_BACKWARDS = { field: { fieldPath: '__name__' }, direction: 'DESCENDING' }

/** All values in order, and in the order in which what is equal stands backwards. */
const valueOrders = (stage: Stage): Promise<{ forwards: string[]; backwards: string[] }> =>
  stage.once('values', async () => {
    const labelled = values.groups.flatMap((group, g) => group.map(({ value }, i) => ({ id: `${g}-${i}`, value })))
    // Written backwards: the order of names must not be what makes the order right.
    const writes = labelled.toReversed().map(({ id, value }) => ({
      update: { name: `${DOCUMENTS}/t/${id}`, fields: { v: value } },
    }))
    await stage.owner.ask('Commit', { database: DATABASE, writes })
    const from = [{ collectionId: 't' }]
    return {
      forwards: await namesOf(stage, { from, orderBy: [BY_VALUE] }),
      backwards: await namesOf(stage, { from, orderBy: [BY_VALUE, BY_NAME_BACKWARDS] }),
    }
  })

/** A group of values that are equal stands where it should, and its members are equal. */
const groupCase = (group: { label: string }[], g: number): OracleCase => ({
  name: `group ${g}: ${group.map(({ label }) => label).join(' = ')}`,
  async play(stage) {
    const { forwards, backwards } = await valueOrders(stage)
    const start = values.groups.slice(0, g).reduce((sum, { length }) => sum + length, 0)
    const placed = (order: string[]) => order.slice(start, start + group.length)
    const ids = group.map((_, i) => `t/${g}-${i}`)
    return differences([placed(forwards), placed(backwards)], [ids, ids.toReversed()])
  },
})

const pathCase: OracleCase = {
  name: 'names',
  async play(stage) {
    const writes = paths.order.toReversed().map((path) => ({ update: { name: `${DOCUMENTS}/${path}`, fields: {} } }))
    await stage.owner.ask('Commit', { database: DATABASE, writes })
    return differences(await namesOf(stage, { from: [{ collectionId: 'items', allDescendants: true }] }), paths.order)
  },
}

export const valueOrder: OracleFile = {
  name: 'value_order',
  cases: paths.order.length > 0 ? [...values.groups.map(groupCase), pathCase] : [],
}
