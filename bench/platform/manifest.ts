import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'

/** A function as `firebase deploy` would make it a Cloud Run service. */
export interface DeployedFunction {
  /** The name it is deployed under, such as `fleet-onStateChange`. */
  id: string
  /** Where its module exports it, such as `fleet.onStateChange`. */
  entryPoint: string
  trigger: { kind: 'topic'; topic: string; retries: boolean } | { kind: 'request' }
  instancesMax: number
  /** Requests that one instance takes at once. */
  concurrency: number
  timeoutSeconds: number
}

// What Cloud Functions (2nd gen) takes where a function does not say: https://firebase.google.com/docs/functions/manage-functions
const defaults = { instancesMax: 100, concurrency: 80, timeoutSeconds: 60 }

const Endpoint = z.object({
  entryPoint: z.string(),
  maxInstances: z.int().nullish(),
  concurrency: z.int().nullish(),
  timeoutSeconds: z.int().nullish(),
  eventTrigger: z
    .object({
      eventType: z.literal('google.cloud.pubsub.topic.v1.messagePublished'),
      eventFilters: z.object({ topic: z.string() }),
      retry: z.boolean(),
    })
    .optional(),
})

/** Written as JSON, which YAML includes. */
const Manifest = z.object({ endpoints: z.record(z.string(), Endpoint) })

/**
 * The functions of a built folder, as its `functions.yaml` tells the Firebase CLI.
 *
 * @throws when a function is fired by an event other than a Pub/Sub message, which this platform does not have
 */
export const readManifest = async (folder: string): Promise<DeployedFunction[]> => {
  const { endpoints } = Manifest.parse(JSON.parse(await readFile(join(folder, 'functions.yaml'), 'utf8')))
  return Object.entries(endpoints).map(([id, endpoint]) => ({
    id,
    entryPoint: endpoint.entryPoint,
    trigger: endpoint.eventTrigger
      ? {
          kind: 'topic',
          topic: endpoint.eventTrigger.eventFilters.topic,
          retries: endpoint.eventTrigger.retry,
        }
      : { kind: 'request' },
    instancesMax: endpoint.maxInstances ?? defaults.instancesMax,
    concurrency: endpoint.concurrency ?? defaults.concurrency,
    timeoutSeconds: endpoint.timeoutSeconds ?? defaults.timeoutSeconds,
  }))
}
