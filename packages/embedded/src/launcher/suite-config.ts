import { rmSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'

interface EmulatorSetting {
  host?: string
  port?: number
  websocketPort?: number
}

interface FirebaseConfig {
  emulators?: Record<string, EmulatorSetting | boolean | undefined>
}

const readConfig = async (path: string): Promise<FirebaseConfig> => {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as FirebaseConfig
  } catch (error) {
    throw new Error(`cannot read ${path}: ${(error as Error).message}`, { cause: error })
  }
}

/** `host:port` of the functions emulator by a firebase.json. */
export const functionsAddress = async (configPath: string): Promise<string> => {
  const setting = (await readConfig(configPath)).emulators?.['functions']
  const { host = '127.0.0.1', port = 5001 } = typeof setting === 'object' ? setting : {}
  return `${host === '0.0.0.0' ? '127.0.0.1' : host}:${port}`
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

export interface FreePorts {
  configPath: string
  clockHost: string
  /** Deletes the file. */
  remove: () => void
}

/**
 * A copy of a folder's firebase.json with every emulator on a free port, beside the original because the CLI reads the
 * paths in it from its own folder. So tests can run while a suite is up.
 */
export const withFreePorts = async (folder: string): Promise<FreePorts> => {
  const config = await readConfig(join(folder, 'firebase.json'))
  const emulators = (config.emulators ??= {})
  for (const always of ['hub', 'logging']) emulators[always] ??= {}
  const settings = Object.entries(emulators).filter(
    (entry): entry is [string, EmulatorSetting] => typeof entry[1] === 'object' && entry[0] !== 'ui',
  )
  const ports = await freePorts(settings.length + 2)
  const next = (): number => ports.pop() ?? 0
  for (const [name, setting] of settings) {
    setting.port = next()
    if (name === 'firestore') setting.websocketPort = next()
  }
  const configPath = join(folder, `.firebase-${process.pid}.json`)
  await writeFile(configPath, JSON.stringify(config, null, 2))
  return { configPath, clockHost: `127.0.0.1:${next()}`, remove: () => rmSync(configPath, { force: true }) }
}
