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
    Object.keys(optionalDependencies)
      .filter((name) => !resolved(packages, path, name))
      .map((name) => `${name} of ${path}`),
  )
  expect(missing).toEqual([])
})
