import { rmSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'

interface FirebaseConfig {
  emulators?: Record<string, { port?: number; host?: string; websocketPort?: number } | boolean | undefined>
}

export interface TemporaryConfig {
  path: string
  remove(): void
}

/** Free ports, all different, as the system gives them. */
const freePorts = async (count: number): Promise<number[]> => {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer()
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(0, '127.0.0.1', resolve)
      })
      return server
    }),
  )
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

/**
 * A copy of `folder`'s firebase.json with every emulator on a free port, beside the original because the CLI reads
 * paths in it from its own folder. Tests can so run while a suite is up.
 */
export const freePortsConfig = async (folder: string): Promise<TemporaryConfig> => {
  const config = JSON.parse(await readFile(join(folder, 'firebase.json'), 'utf8')) as FirebaseConfig
  const emulators = (config.emulators ??= {})
  emulators['hub'] ??= {}
  emulators['logging'] ??= {}
  const settings = Object.values(emulators).filter((value) => typeof value === 'object')
  const ports = await freePorts(settings.length + 1)
  for (const setting of settings) setting.port = ports.pop() ?? 0
  const firestore = emulators['firestore']
  if (typeof firestore === 'object') firestore.websocketPort = ports.pop() ?? 0
  const path = join(folder, `.firebase-${process.pid}.json`)
  await writeFile(path, JSON.stringify(config, null, 2))
  return { path, remove: () => rmSync(path, { force: true }) }
}
