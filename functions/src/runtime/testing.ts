import type { AddressInfo } from 'node:net'
import { http, type HttpFunction } from '@google-cloud/functions-framework'
import { getTestServer } from '@google-cloud/functions-framework/testing'
import { startFirestoreEngine } from '@infinity-matrix/embedded/firestore'
import { startPubSubEngine } from '@infinity-matrix/embedded/pubsub'
import { idToken, type IdTokenOptions } from '@infinity-matrix/testing'
import type { HttpsFunction } from 'firebase-functions/https'
import { vi } from 'vitest'
import { createApp } from './on-request.ts'
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
  const [store, broker] = await Promise.all([
    startFirestoreEngine({ ...address, ...(clock && { clock }) }),
    startPubSubEngine({ ...address, ...(tablesIn !== undefined && { tablesIn }) }),
  ])
  vi.stubEnv('FIRESTORE_EMULATOR_HOST', `${store.host}:${store.port}`)
  vi.stubEnv('PUBSUB_EMULATOR_HOST', `${broker.host}:${broker.port}`)
  vi.stubEnv('GCLOUD_PROJECT', project)
  // Nothing is asked of it: that it stands in is why unsigned tokens are good.
  vi.stubEnv('FIREBASE_AUTH_EMULATOR_HOST', '127.0.0.1:9099')
  const close = async () => {
    await Promise.all([store.close(), broker.close()])
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
