import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { z } from 'zod'

const Emulator = z.object({ host: z.string().default('127.0.0.1'), port: z.int() })
const FirebaseJson = z.object({ emulators: z.record(z.string(), z.unknown()) })

/** Where an emulator listens, or should. */
export interface Address {
  name: string
  host: string
  port: number
}

/** An address that can be changed. */
export interface ConfiguredAddress extends Address {
  /** What changes it, for people. */
  setting: string
}

/** The addresses that firebase.json gives to the emulators of the suite. */
export const configuredAddresses = async (folder: string): Promise<ConfiguredAddress[]> => {
  const { emulators } = FirebaseJson.parse(JSON.parse(await readFile(join(folder, 'firebase.json'), 'utf8')))
  return Object.entries(emulators).flatMap(([name, settings]) => {
    const emulator = Emulator.safeParse(settings)
    return emulator.success ? [{ name, ...emulator.data, setting: `emulators.${name}.port in firebase.json` }] : []
  })
}

const isFree = ({ host, port }: Address): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)))
  })

/** Those of the addresses on which something listens already. */
export const takenAddresses = async <T extends Address>(addresses: readonly T[]): Promise<T[]> => {
  const free = await Promise.all(addresses.map(isFree))
  return addresses.filter((_, index) => !free[index])
}

export const takenMessage = (taken: readonly ConfiguredAddress[]): string =>
  taken
    .map(({ host, port, setting }) => `port ${port} on ${host} is taken: stop what listens there, or change ${setting}`)
    .join('\n')
