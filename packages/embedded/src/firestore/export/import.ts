import type { Database, PendingChange } from '../store/database.ts'
import type { Store } from '../store/store.ts'
import { documentSize } from '../values/limits.ts'
import { identical } from '../values/order.ts'
import type { ExportedDocument } from './entity.ts'

/**
 * Writes the documents of an export that are of a database's id to it, in one commit: fields are replaced, what is not in
 * the export stays. It fires no triggers, as in production.
 */
export const importDocuments = (store: Store, database: Database, documents: readonly ExportedDocument[]): void => {
  const [, project = '', , databaseId] = database.name.split('/')
  const time = store.timeline.commit()
  const pending = new Map<string, PendingChange>()
  for (const { database: of, segments, fields: fieldsOf } of documents) {
    if (of !== databaseId) continue
    const fields = fieldsOf(project)
    const before = database.find(segments)?.at() ?? null
    if (before && identical(before.fields, fields)) continue
    const createTime = before?.createTime ?? time
    pending.set(segments.join('/'), { segments, before, fields, createTime, size: documentSize(segments, fields) })
  }
  store.apply(database, pending.values(), time, { imported: true })
}
