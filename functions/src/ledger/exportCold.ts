import type { Context } from '../runtime/context.ts'
import { tellCriticalError } from '../runtime/critical-errors.ts'
import { createLeases } from '../runtime/lease.ts'
import { record } from '../runtime/ledger.ts'
import { log } from '../runtime/log.ts'
import { onTick } from '../runtime/on-tick.ts'
import { coldExport, hasObjectStorage, projectId } from '../runtime/params.ts'
import { createExporter } from './export/exporter.ts'
import { createBucketObjects, type Objects } from './export/objects.ts'
import { policyText } from './policy-text.ts'
import { createLogReader } from './reader.ts'
import { logSigners, witnessKeys } from './signers/index.ts'
import { createLogStore } from './store.ts'

const workSeconds = 480

const bucketOf = async (name: string, { nowMs }: Context): Promise<Objects> => {
  const { Storage } = await import('@google-cloud/storage')
  return createBucketObjects(new Storage({ projectId: projectId() }).bucket(name), {
    retentionDays: coldExport.retentionDays.value(),
    nowMs,
  })
}

/** Something stands in the bucket that is not of this log: whoever put it there, it is to be looked at by people. */
const tellOfDifference = async (context: Context, path: string): Promise<void> => {
  await record(context, [
    {
      kind: 'error',
      action: 'export-differs',
      tenant: '*',
      subject: 'ledger/export',
      outcome: 'failed',
      details: { path },
    },
  ])
  const error = new Error(`${path} stands in the bucket, and is not what the log has`)
  await tellCriticalError(context, 'functions/ledger-exportCold', 'export-differs', error)
}

/**
 * Keeps the log where nobody can delete it for years, as a folder that `npm run ledger:verify` verifies: once a day, or as the
 * settings say. It comes more often, to go on with what it had no time for.
 */
export const exportCold = onTick(
  'ledger-exportCold',
  { maxInstances: 1, timeoutSeconds: 540, memory: '512MiB' },
  async (context) => {
    const bucket = coldExport.bucket.value()
    if (bucket === '' || !hasObjectStorage()) {
      log.info('the ledger is not exported: LEDGER_BUCKET names no bucket, or no storage runs')
      return
    }
    const store = createLogStore(context.firestore, createLeases(context))
    const { keys } = await logSigners(undefined)
    const exporter = createExporter(context, {
      store,
      reader: createLogReader(context.firestore, store),
      objects: await bucketOf(bucket, context),
      keys,
      policy: policyText({ log: keys, witnesses: witnessKeys(undefined) }),
      everyHours: coldExport.everyHours.value(),
      holder: context.newId(),
      alarm: (path) => tellOfDifference(context, path),
    })
    const ended = await exporter.work(context.nowMs() + workSeconds * 1000)
    log.info(`export of the ledger: ${ended}`)
  },
)
