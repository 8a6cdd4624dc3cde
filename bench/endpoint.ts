import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { deliver } from '../functions/src/events/deliver.ts'
import { serveFunction } from '../functions/src/runtime/testing.ts'

/** An endpoint of a subscriber, and `events-deliver` under the functions framework, both in this process. */
export const startEndpoint = async (hear: (eventId: string) => void) => {
  const deliverer = await serveFunction('events-deliver', deliver)
  process.env['DELIVER_URL'] = deliverer.origin
  process.env['LOCAL_ENDPOINTS'] = 'true'
  const server = createServer((request, response) => {
    hear(String(request.headers['ce-id']))
    request.resume().on('end', () => response.writeHead(204).end())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async close() {
      server.closeAllConnections()
      await Promise.all([deliverer.close(), new Promise((closed) => server.close(closed))])
    },
  }
}
