import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { http, type HttpFunction } from '@google-cloud/functions-framework'
import { getTestServer } from '@google-cloud/functions-framework/testing'
import { startFirestoreEngine } from '@infinity-matrix/embedded/firestore'
import { startPubSubEngine } from '@infinity-matrix/embedded/pubsub'
import { idToken, type IdTokenOptions } from '@infinity-matrix/testing'
import type { HttpsFunction } from 'firebase-functions/https'
import { vi } from 'vitest'
import type { KeyKeeper } from './keys.ts'
import { createApp } from './on-request.ts'
import type { onTick } from './on-tick.ts'
import type { onTopic } from './on-topic.ts'
import { projectId } from './params.ts'

/**
 * Firestore and Pub/Sub of a test file's own, where Google's clients look for them until they are closed.
 *
 * @param clock of Firestore, in milliseconds
 * @param tablesIn a folder for tables of BigQuery subscriptions
 */
export const startLocalEngines = async (
  project: string,
  { clock, tablesIn }: { clock?: () => number; tablesIn?: string } = {},
) => {
  const address = { host: '127.0.0.1', port: 0 }
  const keys = await mkdtemp(join(tmpdir(), 'keys-'))
  const [store, broker] = await Promise.all([
    startFirestoreEngine({ ...address, ...(clock && { clock }) }),
    startPubSubEngine({ ...address, ...(tablesIn !== undefined && { tablesIn }) }),
  ])
  vi.stubEnv('FIRESTORE_EMULATOR_HOST', `${store.host}:${store.port}`)
  vi.stubEnv('PUBSUB_EMULATOR_HOST', `${broker.host}:${broker.port}`)
  vi.stubEnv('GCLOUD_PROJECT', project)
  vi.stubEnv('IMX_KEY_FILE', join(keys, 'keys.json'))
  // Nothing is asked of it: that it stands in is why unsigned tokens are good.
  vi.stubEnv('FIREBASE_AUTH_EMULATOR_HOST', '127.0.0.1:9099')
  const close = async () => {
    await Promise.all([store.close(), broker.close(), rm(keys, { recursive: true })])
    vi.unstubAllEnvs()
  }
  return { store, broker, close }
}
export type LocalEngines = Awaited<ReturnType<typeof startLocalEngines>>

/** The header of somebody who is signed in: an admin of the platform unless told otherwise. */
export const signedIn = (token: Omit<IdTokenOptions, 'projectId'> = {}) => ({
  authorization: `Bearer ${idToken({ projectId: projectId(), ...token })}`,
})

/** Routes in an app, asked by an admin of the platform where a request has no credentials of its own. */
export const openApp = async (...app: Parameters<typeof createApp>) => {
  const opened = await createApp(...app)
  return {
    request: async (path: string, init: RequestInit = {}): Promise<Response> =>
      opened.request(path, { ...init, headers: { ...signedIn(), ...Object.fromEntries(new Headers(init.headers)) } }),
  }
}
export type OpenedApp = Awaited<ReturnType<typeof openApp>>

/** An event of Eventarc, from a topic of this project unless it says otherwise. */
export const eventOf = (topic: string, message: object, said: { type?: string; source?: string } = {}) => ({
  specversion: '1.0',
  id: '1',
  type: 'google.cloud.pubsub.topic.v1.messagePublished',
  source: `//pubsub.googleapis.com/projects/${projectId()}/topics/${topic}`,
  ...said,
  data: { message },
})

/** Calls a function on a topic with a message of it, as the functions framework does. */
export const deliverTo = async (
  handler: ReturnType<typeof onTopic>,
  message: { messageId: string; publishTime: string; data: string; attributes?: Record<string, string> },
): Promise<void> => {
  const topic = handler.__endpoint.eventTrigger?.eventFilters['topic']
  const call = handler as unknown as (event: object) => Promise<unknown>
  await call(eventOf(String(topic), message))
}

/** Runs a function at its time, as its job of Cloud Scheduler does. */
export const runTick = async (handler: ReturnType<typeof onTick>): Promise<void> => {
  const jobName = `firebase-schedule-${handler.deployedAs}-us-central1`
  await handler.run({ jobName, scheduleTime: new Date().toISOString() })
}

/** Serves a function as Cloud Run does, under the functions framework. */
export const serveFunction = async (name: string, served: HttpsFunction) => {
  http(name, served as unknown as HttpFunction)
  const server = getTestServer(name)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => new Promise((resolve) => server.close(resolve)),
  }
}

/** A keeper that holds keys by name, and counts what it is asked. */
export const createKeeper = () => {
  const held = new Map<string, { key: Uint8Array; bound: string }>()
  const asked = { wrap: 0, unwrap: 0 }
  const keeper: KeyKeeper = {
    wrap: async (key, bound) => {
      asked.wrap++
      const wrapped = randomBytes(9).toString('base64url')
      held.set(wrapped, { key, bound })
      return { wrapped, wrappedBy: 'test' }
    },
    unwrap: async (wrapped, bound) => {
      asked.unwrap++
      const found = held.get(wrapped)
      if (found?.bound !== bound) throw new Error('not wrapped for this')
      return found.key
    },
  }
  return { keeper, asked }
}
