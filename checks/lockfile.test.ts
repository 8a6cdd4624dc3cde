import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { resolved, type Packages } from '../functions/lockfile.ts'

const text = readFileSync(join(import.meta.dirname, '../package-lock.json'), 'utf8')
const { packages } = JSON.parse(text) as { packages: Packages }

it('names no registry, so that it serves behind any', () => {
  expect(text.match(/"resolved": "[a-z+]+:.*/g) ?? []).toEqual([])
})

it('holds the packages of every platform, so that `npm ci` works on each', () => {
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.entries(optionalDependencies).flatMap(([name, range]) => {
      const found = packages[resolved(packages, path, name) ?? '']
      // A platform's package is asked for at one exact version.
      const fits = found && (!/^\d+\.\d+\.\d+$/.test(range) || found.version === range)
      return fits ? [] : [`${name}@${range} of ${path}`]
    }),
  )
  expect(missing).toEqual([])
})
