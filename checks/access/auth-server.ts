import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** As much of the Auth emulator as the routes of members ask for: every account is there, and takes its claims. */
export const startAuthServer = async () => {
  const server = createServer((request, response) => {
    const answer = request.url?.endsWith('accounts:lookup') ? { users: [{ localId: 'there' }] } : { localId: 'there' }
    request.resume().on('end', () => response.setHeader('content-type', 'application/json').end(JSON.stringify(answer)))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, close: async () => void server.close() }
}
