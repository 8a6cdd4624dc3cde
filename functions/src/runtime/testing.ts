import type { AddressInfo } from 'node:net'
import { http, type HttpFunction } from '@google-cloud/functions-framework'
import { getTestServer } from '@google-cloud/functions-framework/testing'
import type { HttpsFunction } from 'firebase-functions/https'

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
