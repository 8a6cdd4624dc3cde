import { hash } from 'node:crypto'
import { AlertDocument, collections, topics, type CriticalError } from '@infinity-matrix/contracts'
import { alertKey, raise } from '@infinity-matrix/core/events'
import type { Context } from '../runtime/context.ts'
import { log } from '../runtime/log.ts'
import { publish } from '../runtime/publish.ts'

/**
 * Adds a critical error to its alert, and tells people when it is news: a log entry of severity ERROR, and a message
 * `events.alert-raised.v1` on `firebase.realtime-sync`. Told before it is stored: a crash in between tells twice.
 */
export const raiseAlert = async (context: Context, error: CriticalError): Promise<void> => {
  const id = hash('sha256', alertKey(error)).slice(0, 32)
  const document = context.firestore.collection(collections.alerts).doc(id)
  await context.firestore.runTransaction(async (transaction) => {
    const snapshot = await transaction.get(document)
    const raised = raise(snapshot.exists ? AlertDocument.parse(snapshot.data()) : undefined, error)
    if (!raised) return
    if (raised.isNews) {
      const { eventIds: _, ...told } = raised.alert
      const { message, ...rest } = told
      log.error(`alert: ${message}`, { alert: id, ...rest })
      const type = 'events.alert-raised.v1'
      await publish(context, topics.realtimeSync.name, { json: { type, id, ...told }, attributes: { 'ce-type': type } })
    }
    transaction.set(document, raised.alert)
  })
}
