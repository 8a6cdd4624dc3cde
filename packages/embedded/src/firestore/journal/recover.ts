import { parseDocumentName } from '../names.ts'
import type { PendingChange } from '../store/database.ts'
import type { Store } from '../store/store.ts'
import { documentSize } from '../values/limits.ts'
import { readRecord, type Put } from './records.ts'

/**
 * Does to a store what a record of the journal says was done, without telling its listeners: documents get back their
 * fields and times, and the past since the snapshot can be read. Throws what `readRecord` throws.
 */
export const applyRecord = (store: Store, bytes: Uint8Array): void => {
  const { time, isSnapshot, puts, deletes } = readRecord(bytes)
  store.timeline.notBefore(time)
  for (const { name, fields, createTime, updateTime } of puts) {
    applyOne(store, name, { fields, createTime, updateTime })
  }
  for (const name of deletes) applyOne(store, name, { fields: null, createTime: 0, updateTime: time })
  // What was before is not known.
  if (isSnapshot) store.history.clear(time)
}

type Change = Pick<Put, 'createTime' | 'updateTime'> & Pick<PendingChange, 'fields'>

const applyOne = (store: Store, name: string, { fields, createTime, updateTime }: Change): void => {
  const { database: databaseName, segments } = parseDocumentName(name)
  const database = store.database(databaseName)
  const before = database.find(segments)?.at() ?? null
  const size = fields ? documentSize(segments, fields) : 0
  database.apply([{ segments, before, fields, createTime, size }], updateTime)
}
