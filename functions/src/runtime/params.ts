// The one module that reads the environment. Values come from functions/.env* and are asked for by `firebase deploy`.
import { defineInt } from 'firebase-functions/params'

/** Where BigQuery is: Google's own, or, beside a local Pub/Sub engine, what its BigQuery subscriptions wrote. */
export const bigQueryOptions = (): { projectId?: string; apiEndpoint?: string } => {
  const { PUBSUB_EMULATOR_HOST: host, GCLOUD_PROJECT: projectId } = process.env
  return { ...(projectId && { projectId }), ...(host && { apiEndpoint: `http://${host}` }) }
}

/** Sweepers that share the agents: one watches about a million. At most 16. */
export const sweepers = defineInt('SWEEPERS', { default: 1 })

/** A missing report is waited for this long before the agent is asked for a snapshot. */
export const gapBoundSeconds = defineInt('GAP_BOUND_SECONDS', { default: 60 })

/**
 * More writes a second than all instances together can make. A key range that has grown to take so much is not governed
 * any more; 0 governs none.
 */
export const governedWritesPerSecond = defineInt('GOVERNED_WRITES_PER_SECOND', { default: 35_000 })

/** Where the local Firestore is, as `host:port`; undefined in production. Google's own client reads it by itself. */
export const firestoreEmulatorHost = (): string | undefined => process.env['FIRESTORE_EMULATOR_HOST']
/** The function that this instance runs, as it is deployed. */
export const functionName = (): string => process.env['K_SERVICE'] ?? process.env['FUNCTION_TARGET'] ?? 'unknown'

/** Whether engines on this machine stand in for Google's services. */
export const isLocal = (): boolean => process.env['PUBSUB_EMULATOR_HOST'] !== undefined
