import { access, readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { openDesiredFile } from './desired-file.ts'

const version = (desiredVersion: number) => ({ desiredVersion, properties: { n: desiredVersion }, delta: {} })

test('an agent finds the latest of what is desired, in whatever order it was told', async () => {
  const file = await openDesiredFile(version(1))
  expect(JSON.parse(await readFile(file.path, 'utf8'))).toEqual(version(1))
  await Promise.all([1, 3, 2, 3].map((one) => file.write(version(one))))
  expect(JSON.parse(await readFile(file.path, 'utf8'))).toEqual(version(3))
  await file.close()
  await expect(access(file.path)).rejects.toThrow('ENOENT')
})
