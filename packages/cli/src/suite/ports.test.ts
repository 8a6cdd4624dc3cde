import { createServer, type AddressInfo } from 'node:net'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { repositoryRoot } from '../settings.ts'
import { configuredAddresses, takenAddresses, takenMessage } from './ports.ts'

test('a taken port is told with the setting that moves it', async () => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  try {
    const address = { name: 'firestore', host: '127.0.0.1', setting: 'emulators.firestore.port in firebase.json' }
    const taken = await takenAddresses([
      { ...address, port: 0 },
      { ...address, port },
    ])
    expect(takenMessage(taken)).toBe(
      `port ${port} on 127.0.0.1 is taken: stop what listens there, or change emulators.firestore.port in firebase.json`,
    )
  } finally {
    server.close()
  }
})

test('the addresses come from firebase.json, without what has no port', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ports-'))
  try {
    const emulators = {
      singleProjectMode: true,
      ui: { enabled: false },
      hub: { port: 4400 },
      auth: { host: '::1', port: 9 },
    }
    await writeFile(join(folder, 'firebase.json'), JSON.stringify({ emulators }))
    expect(await configuredAddresses(folder)).toEqual([
      { name: 'hub', host: '127.0.0.1', port: 4400, setting: 'emulators.hub.port in firebase.json' },
      { name: 'auth', host: '::1', port: 9, setting: 'emulators.auth.port in firebase.json' },
    ])
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('the repository configures a hub, which is how a running suite is found', async () => {
  expect((await configuredAddresses(repositoryRoot)).map(({ name }) => name)).toContain('hub')
})
