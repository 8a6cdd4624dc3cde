import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { parseAddress } from './addresses.ts'
import { parseFlags, portOf } from './flags.ts'
import { functionsAddress, withFreePorts } from './suite-config.ts'
import { emulatorSuiteEnvironment, googleSuiteEnvironment } from './suite-environment.ts'

test('flags are read as the CLI writes them', () => {
  expect(parseFlags(['--port=8085', '--host=::1'])).toEqual({ port: '8085', host: '::1' })
  const java = ['-Duser.language=en', '-jar', 'x', '--port', '8080', '--rules', 'a=b', '--quiet', '--last']
  expect(parseFlags(java)).toEqual({ port: '8080', rules: 'a=b', quiet: 'true', last: 'true' })
})

test('what is no port is refused with its flag', () => {
  expect(portOf('port', undefined, 8085)).toBe(8085)
  expect(() => portOf('port', '99999', 1)).toThrow('--port: expected a port between 0 and 65535, got "99999"')
  expect(() => parseAddress('SETTING', 'nowhere')).toThrow('SETTING: expected host:port, got "nowhere"')
  expect(parseAddress('SETTING', '127.0.0.1:80')).toEqual({ host: '127.0.0.1', port: 80 })
})

test('the environment of the suite puts the engines in place and keeps what was set', () => {
  const environment = emulatorSuiteEnvironment({ PATH: '/usr/bin', HOME: '/home/x', FUNCTIONS_EMULATOR_PARALLEL: '2' })
  const path = environment['PATH']?.split(':') ?? []
  expect(path[0]).toMatch(/java-first$/)
  expect(path[1]).toBe(dirname(process.execPath))
  expect(path[2]).toBe('/usr/bin')
  expect(environment).toMatchObject({
    HOME: '/home/x',
    FUNCTIONS_EMULATOR_PARALLEL: '2',
    METADATA_SERVER_DETECTION: 'none',
  })
  for (const name of ['PUBSUB', 'FIRESTORE', 'STORAGE'].map((emulator) => `${emulator}_EMULATOR_BINARY_PATH`)) {
    expect(existsSync(environment[name] ?? '')).toBe(true)
  }
})

test("Google's own emulators stay when asked for", () => {
  const environment = googleSuiteEnvironment({ PATH: '/usr/bin' })
  expect(environment['PATH']).not.toContain('java-first')
  expect(environment).not.toHaveProperty('PUBSUB_EMULATOR_BINARY_PATH')
})

test('free ports replace those of firebase.json in a copy beside it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'imx-config-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const emulators = {
    functions: { host: '0.0.0.0', port: 5001 },
    firestore: { port: 8080 },
    ui: { enabled: false },
    singleProjectMode: true,
  }
  await writeFile(join(folder, 'firebase.json'), JSON.stringify({ firestore: { rules: 'r' }, emulators }))
  expect(await functionsAddress(join(folder, 'firebase.json'))).toBe('127.0.0.1:5001')
  const { configPath, clockHost, remove } = await withFreePorts(folder)
  const written = JSON.parse(await readFile(configPath, 'utf8')) as {
    firestore: unknown
    emulators: Record<string, { port: number; websocketPort?: number }>
  }
  const { functions, firestore, hub, logging } = written.emulators
  const ports = [
    functions?.port,
    firestore?.port,
    firestore?.websocketPort,
    hub?.port,
    logging?.port,
    Number(clockHost.split(':')[1]),
  ]
  expect(new Set(ports).size).toBe(6)
  expect(ports).not.toContain(5001)
  expect(written).toMatchObject({ firestore: { rules: 'r' }, emulators: { ui: { enabled: false } } })
  remove()
  expect(existsSync(configPath)).toBe(false)
})

test('a folder without a firebase.json is named', async () => {
  await expect(functionsAddress('/nowhere/firebase.json')).rejects.toThrow('cannot read /nowhere/firebase.json')
})
