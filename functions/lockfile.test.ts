import { expect, it } from 'vitest'
import { cutPackages } from './lockfile.ts'

it('keeps the shared packages and leaves out links and other workspaces', () => {
  const cut = cutPackages({
    '': {},
    'node_modules/zod': { version: '4.0.0' },
    'node_modules/@scope/core': { link: true },
    'packages/cli/node_modules/zod': { version: '3.0.0' },
    'packages/core': { version: '1.0.0' },
  })
  expect(cut).toEqual({ 'node_modules/zod': { version: '4.0.0' } })
})

it("moves functions' own versions up and gives dependents of the root's version a copy of it", () => {
  const cut = cutPackages({
    'node_modules/uuid': { version: '8.0.0', dependencies: { seed: '1' } },
    'node_modules/uuid/node_modules/seed': { version: '1.0.0' },
    'node_modules/events': { version: '10.0.0', dependencies: { uuid: '^8.0.0' } },
    'node_modules/auth': { version: '2.0.0', dependencies: { uuid: '^9.0.0' } },
    'node_modules/auth/node_modules/uuid': { version: '9.0.0' },
    'functions/node_modules/uuid': { version: '14.0.0', dependencies: { seed: '2' } },
    'functions/node_modules/uuid/node_modules/seed': { version: '2.0.0' },
  })
  expect(Object.fromEntries(Object.entries(cut).map(([path, { version }]) => [path, version]))).toEqual({
    'node_modules/uuid': '14.0.0',
    'node_modules/uuid/node_modules/seed': '2.0.0',
    'node_modules/events': '10.0.0',
    'node_modules/events/node_modules/uuid': '8.0.0',
    'node_modules/events/node_modules/uuid/node_modules/seed': '1.0.0',
    'node_modules/auth': '2.0.0',
    'node_modules/auth/node_modules/uuid': '9.0.0',
  })
})

it('finds the dependents of a scoped package that are nested themselves', () => {
  const cut = cutPackages({
    'node_modules/@scope/log': { version: '1.0.0' },
    'node_modules/a': { version: '1.0.0' },
    'node_modules/a/node_modules/b': { version: '1.0.0', dependencies: { '@scope/log': '1' } },
    'functions/node_modules/@scope/log': { version: '2.0.0' },
  })
  expect(cut['node_modules/@scope/log']?.version).toBe('2.0.0')
  expect(cut['node_modules/a/node_modules/b/node_modules/@scope/log']?.version).toBe('1.0.0')
})
