import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const loadedBy = async (engine: string, start: string): Promise<string[]> => {
  const module = join(import.meta.dirname, `../${engine}/index.ts`)
  const child = fork(join(import.meta.dirname, '../../test/loaded-at-start.ts'), [module, start])
  const [loaded] = (await once(child, 'message')) as [string[]]
  await once(child, 'exit')
  return loaded
}

test.each([
  ['firestore', 'startFirestoreEngine'],
  ['pubsub', 'startPubSubEngine'],
  ['tasks', 'startTasksEngine'],
])('%s starts without what takes long to load and is seldom used', async (engine, start) => {
  const loaded = await loadedBy(engine, start)
  expect(loaded.some((name) => name.includes('protobufjs'))).toBe(true)
  expect(loaded.filter((name) => /undici|\/avsc\/|\/jose\//.test(name))).toEqual([])
})
