import { createLeases } from '../runtime/lease.ts'
import { onRequest } from '../runtime/on-request.ts'
import { serveAnchors } from './api/anchors.ts'
import { serveCheckpoints } from './api/checkpoints.ts'
import { serveDisclosures } from './api/disclosures.ts'
import { serveEntries } from './api/entries.ts'
import { serveLog, type LogOptions } from './api/log.ts'
import { createLogReader } from './reader.ts'
import { logSigners, witnessKeys } from './signers/index.ts'
import { createLogStore } from './store.ts'

/** The ledger over HTTP: the log as public tools read it, entries as they are looked for, proofs, and witnesses. */
export const api = onRequest(
  'ledger-api',
  { maxInstances: 4, concurrency: 80, memory: '512MiB', cpu: 1, timeoutSeconds: 60 },
  (app, context) => {
    const store = createLogStore(context.firestore, createLeases(context))
    const options: LogOptions = {
      store,
      reader: createLogReader(context.firestore, store),
      keys: async () => ({ log: (await logSigners(undefined)).keys, witnesses: witnessKeys(undefined) }),
    }
    serveLog(app, options)
    serveEntries(app, context.firestore, options)
    serveCheckpoints(app, context, options)
    serveDisclosures(app, context)
    serveAnchors(app, context.firestore)
  },
)
