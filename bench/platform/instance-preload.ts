// Loaded before the functions framework in the process of an instance. The framework can listen on a free port but not
// tell which, and listens on all addresses: this keeps it on loopback, tells the port, and answers what the process uses.
import { channel } from 'node:diagnostics_channel'
import type { AddressInfo, Server } from 'node:net'

channel('tracing:net.server.listen:asyncStart').subscribe((message) => {
  const { options } = message as { options: { host?: string } }
  options.host = '127.0.0.1'
})
channel('tracing:net.server.listen:asyncEnd').subscribe((message) => {
  const { server } = message as { server: Server }
  process.send?.({ port: (server.address() as AddressInfo).port })
})
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send?.({ memoryBytes: process.memoryUsage.rss(), cpuSeconds: (user + system) / 1e6 })
})
// Nothing is left running when the platform's own process is gone.
process.on('disconnect', () => process.exit(0))
