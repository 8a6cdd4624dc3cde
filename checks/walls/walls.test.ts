// Plants one fault of each kind in a copy of the tree's layout and sees each one caught, by its rule and its words.
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

type Planted = { path: string; code: string; rule: string; message: RegExp }
type Diagnostic = { message: string; code: string; filename: string }

const root = join(import.meta.dirname, '../..')
const run = promisify(execFile)

const importing = (path: string, specifier: string, message: RegExp): Planted => ({
  path,
  code: `export * from '${specifier}'\n`,
  rule: 'walls(imports)',
  message,
})

const planted: Planted[] = [
  // Who may import whom.
  importing('packages/core/src/agents/embedded.ts', '@infinity-matrix/embedded', /^core must not import embedded/),
  importing('packages/core/src/agents/other-room.ts', '../fleet/model.ts', /^core\/agents must not import core\/fleet/),
  importing('packages/core/src/shared/of-a-room.ts', '../fleet/model.ts', /^core\/shared must not import core\/fleet/),
  importing('packages/contracts/src/core.ts', '@infinity-matrix/core/fleet', /^contracts must not import core/),
  importing('packages/archive/src/embedded.ts', '@infinity-matrix/embedded', /^archive must not import embedded/),
  importing(
    'packages/verifier/src/fleet.ts',
    '@infinity-matrix/core/fleet',
    /^verifier knows the log and nothing else/,
  ),
  importing('packages/anchors/src/fleet.ts', '@infinity-matrix/core/fleet', /^anchors knows the log and nothing else/),
  importing('packages/anchors/src/verifier.ts', '@infinity-matrix/verifier', /^anchors must not import verifier/),
  importing('packages/sdk/src/anchors.ts', '@infinity-matrix/anchors', /^sdk must not import anchors/),
  importing('packages/verifier/src/sdk.ts', '@infinity-matrix/sdk', /^verifier must not import sdk/),
  importing('packages/verifier/src/package.ts', 'uuid', /^verifier is small, .* it must not depend on uuid/),
  importing('packages/sdk/src/core.ts', '@infinity-matrix/core/fleet', /^sdk must not import core/),
  importing('packages/cli/src/core.ts', '@infinity-matrix/core/fleet', /^cli must not import core\/fleet/),
  importing('packages/dashboard/src/core.ts', '@infinity-matrix/core/fleet', /^dashboard must not import core/),
  importing('packages/sdk/src/functions.ts', '../../../functions/src/index.ts', /^sdk must not import functions/),
  importing('packages/embedded/src/bench.ts', '../../../bench/run.ts', /^embedded must not import bench/),
  importing(
    'packages/cli/src/by-path.ts',
    '../../contracts/src/index.ts',
    /^contracts is imported by its package name/,
  ),
  importing(
    'packages/cli/src/unknown.ts',
    '@infinity-matrix/contracts/none',
    /is not among the exports of its package/,
  ),
  importing('functions/src/agents/other-core.ts', '@infinity-matrix/core/fleet', /^functions\/agents imports its own/),
  importing('functions/src/agents/store-of-fleet.ts', '../fleet/store.ts', /not functions\/fleet$/),
  importing('functions/src/runtime/of-a-room.ts', '../fleet/store.ts', /^functions\/runtime serves every room/),
  importing(
    'functions/src/runtime/of-core-room.ts',
    '@infinity-matrix/core/fleet',
    /^functions\/runtime serves every room and must not import core\/fleet/,
  ),
  importing(
    'functions/src/fleet/onSomething.ts',
    'firebase-functions/pubsub',
    /^functions are declared by the wrappers of functions\/runtime, which hold their rows/,
  ),
  importing(
    'functions/src/fleet/logging.ts',
    'firebase-functions/logger',
    /^a line of the log goes through functions\/src\/runtime\/log.ts/,
  ),
  importing('functions/src/runtime/logging.ts', 'firebase-functions/logger', /^a line of the log goes through/),
  // Who may import which packages.
  importing('packages/core/src/agents/package.ts', 'zod', /^core imports contracts and nothing else/),
  importing('packages/core/src/agents/firebase.ts', 'firebase-admin', /^core imports contracts and nothing else/),
  importing('packages/core/src/agents/node.ts', 'node:crypto', /^core is pure .* node:crypto/),
  importing('packages/contracts/src/package.ts', 'uuid', /^contracts depends on zod only, not on uuid/),
  importing('packages/contracts/src/node.ts', 'node:fs', /^contracts is pure .* node:fs/),
  importing('packages/dashboard/src/node.ts', 'fs', /^dashboard runs in a browser/),
  importing('packages/sdk/src/node.ts', 'node:fs', /^sdk runs in a browser/),
  importing('packages/cli/src/google.ts', '@google-cloud/pubsub', /^only functions may import @google-cloud\/pubsub/),
  importing('packages/embedded/src/google.ts', 'firebase-admin/firestore', /^only functions may import firebase-admin/),
  importing('packages/cli/src/grpc.ts', '@grpc/grpc-js', /^only embedded may import @grpc\/grpc-js/),
  importing('functions/src/agents/pulumi.ts', '@pulumi/gcp', /^only infra may import @pulumi\/gcp/),
  // The other ways to name a module.
  {
    ...importing('packages/core/src/agents/dynamic.ts', '', /^core is pure/),
    code: `export const load = () => import('node:fs')\n`,
  },
  {
    ...importing('packages/core/src/agents/only-types.ts', '', /^core imports contracts and nothing else/),
    code: `import type { App } from 'firebase-admin/app'\nexport type Held = App\n`,
  },
  {
    ...importing('packages/core/src/agents/type-query.ts', '', /^core imports contracts and nothing else/),
    code: `export type Held = import('firebase-admin/app').App\n`,
  },
  // Time, randomness and the process are arguments of core.
  ...['Date.now()', 'Math.random()'].map((code, index) => ({
    path: `packages/core/src/agents/property-${index}.ts`,
    code: `export const now = () => ${code}\n`,
    rule: 'eslint(no-restricted-properties)',
    message: /is an argument|restricted/i,
  })),
  ...['new Date()', 'Date()'].map((code, index) => ({
    path: `packages/core/src/agents/date-${index}.ts`,
    code: `export const now = () => ${code}\n`,
    rule: 'walls(no-current-date)',
    message: /time is an argument/,
  })),
  ...['process.pid', 'crypto.randomUUID()', 'setTimeout(() => {}, 1)', 'performance.now()', 'fetch("/")'].map(
    (code, index) => ({
      path: `packages/core/src/agents/global-${index}.ts`,
      code: `export const read = () => ${code}\n`,
      rule: 'eslint(no-restricted-globals)',
      message: new RegExp(`'${/^\w+/.exec(code)?.[0]}'`),
    }),
  ),
  {
    path: 'packages/core/src/agents/console.ts',
    code: `export const say = () => console.log('hello')\n`,
    rule: 'eslint(no-console)',
    message: /console/,
  },
  // One module reads the environment.
  ...[
    `export const project = () => process.env.GCLOUD_PROJECT\n`,
    `import process from 'node:process'\nexport const project = () => process.env.GCLOUD_PROJECT\n`,
    `import { env } from 'node:process'\nexport const project = () => env.GCLOUD_PROJECT\n`,
  ].map((code, index) => ({
    path: `functions/src/agents/environment-${index}.ts`,
    code,
    rule: 'walls(no-environment)',
    message: /environment/,
  })),
  // No work at import time.
  ...[
    `import { Firestore } from '@google-cloud/firestore'\nexport const db = new Firestore()\n`,
    `import { getFirestore } from 'firebase-admin/firestore'\nexport const db = getFirestore()\n`,
    `import { initializeApp } from 'firebase-admin/app'\ninitializeApp()\n`,
    `export let handled = 0\nexport const handle = () => ++handled\n`,
  ].map((code, index) => ({
    path: `functions/src/agents/import-time-${index}.ts`,
    code,
    rule: 'walls(no-work-at-import)',
    message: /no work at import time|no state at module level/,
  })),
  {
    path: 'functions/src/agents/top-level-await.ts',
    code: `export const settings = await Promise.resolve(1)\n`,
    rule: 'node(no-top-level-await)',
    message: /await/i,
  },
  // Types and promises.
  {
    path: 'functions/src/agents/floating.ts',
    code: `const publish = async () => Promise.resolve()\nexport const handle = () => {\n  publish()\n}\n`,
    rule: 'typescript(no-floating-promises)',
    message: /promise/i,
  },
  {
    path: 'functions/src/agents/misused.ts',
    code: `export const handle = (ids: string[]) => ids.forEach(async (id) => Promise.resolve(id))\n`,
    rule: 'typescript(no-misused-promises)',
    message: /promise/i,
  },
  {
    path: 'packages/core/src/agents/any.ts',
    code: `export const read = (value: any): string => String(value)\n`,
    rule: 'typescript(no-explicit-any)',
    message: /any/,
  },
  {
    path: 'packages/core/src/agents/unsafe.ts',
    code: `export const read = (text: string): string => JSON.parse(text).name\n`,
    rule: 'typescript(no-unsafe-return)',
    message: /any/,
  },
  {
    path: 'functions/src/agents/asserted.ts',
    code: `export type Agent = { id: string }\nexport const read = (data: unknown): Agent => data as Agent\n`,
    rule: 'typescript(no-unsafe-type-assertion)',
    message: /assertion/i,
  },
  {
    path: 'packages/core/src/agents/switch.ts',
    code: `export const rank = (tier: 'elite' | 'standard') => {\n  switch (tier) {\n    case 'elite':\n      return 1\n  }\n}\n`,
    rule: 'typescript(switch-exhaustiveness-check)',
    message: /exhaustive/i,
  },
  {
    path: 'packages/core/src/agents/cycle.ts',
    code: `import { a } from './cycle.ts'\nexport const b = (): number => a()\nexport { b as a }\n`,
    rule: 'import(no-cycle)',
    message: /cycle/i,
  },
  {
    path: 'packages/core/src/agents/long.ts',
    code: Array.from({ length: 501 }, (_, line) => `export const line${line} = ${line}\n`).join(''),
    rule: 'eslint(max-lines)',
    message: /501/,
  },
]

/** What is allowed, next to what is not: a wall that refuses everything would pass the test above. */
const innocent: [path: string, code: string][] = [
  ['packages/core/src/agents/of-contracts.ts', `export * from '@infinity-matrix/contracts'\n`],
  ['packages/core/src/agents/of-shared.ts', `export * from '../shared/lease.ts'\n`],
  ['packages/core/src/agents/date.ts', `export const at = (timeMs: number) => new Date(timeMs)\n`],
  ['packages/core/src/agents/some.test.ts', `export { readFileSync } from 'node:fs'\n`],
  ['packages/contracts/src/of-zod.ts', `export { z } from 'zod'\n`],
  ['packages/embedded/src/wire/protos.ts', `export { v1 } from '@google-cloud/firestore'\n`],
  ['packages/cli/src/of-shared.ts', `export * from '@infinity-matrix/core/reported-state'\n`],
  ['packages/cli/src/control-plane.ts', `export { PubSub } from '@google-cloud/pubsub'\n`],
  ['functions/src/runtime/params.ts', `export const project = () => process.env.GCLOUD_PROJECT\n`],
  ['functions/src/runtime/log.ts', `export { logger } from 'firebase-functions/logger'\n`],
  ['functions/src/fleet/of-core.ts', `export * from '@infinity-matrix/core/fleet'\n`],
  ['functions/src/fleet/of-runtime.ts', `export * from '../runtime/params.ts'\n`],
  [
    'functions/src/fleet/once.ts',
    `import { Firestore } from '@google-cloud/firestore'\nexport const db = () => new Firestore()\n`,
  ],
  ['functions/src/index.ts', `export * as fleet from './fleet/of-runtime.ts'\n`],
]

describe('lint holds the walls', () => {
  let scratch = ''
  let found: Diagnostic[] = []

  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'walls-'))
    await symlink(join(root, 'node_modules'), join(scratch, 'node_modules'))
    await cp(join(root, 'tsconfig.json'), join(scratch, 'tsconfig.json'))
    await writeFile(
      join(scratch, 'oxlint.config.ts'),
      `export { default } from ${JSON.stringify(join(root, 'oxlint.config.ts'))}\n`,
    )
    for (const [path, code] of [...planted.map((one) => [one.path, one.code] as const), ...innocent]) {
      await mkdir(dirname(join(scratch, path)), { recursive: true })
      await writeFile(join(scratch, path), code)
    }
    const oxlint = join(root, 'node_modules/oxlint/bin/oxlint')
    const failed = await run(process.execPath, [oxlint, '-f', 'json'], { cwd: scratch, maxBuffer: 2 ** 26 }).catch(
      (error: { stdout: string }) => error,
    )
    found = (JSON.parse(failed.stdout) as { diagnostics: Diagnostic[] }).diagnostics
  }, 60_000)

  afterAll(() => rm(scratch, { recursive: true, force: true }))

  it.each(planted)('$rule in $path', ({ path, rule, message }) => {
    const here = found.filter(({ filename }) => filename.endsWith(path))
    expect(here.map(({ code }) => code)).toContain(rule)
    expect(here.find(({ code }) => code === rule)?.message).toMatch(message)
  })

  it.each(innocent)('nothing in %s', (path) => {
    expect(found.filter(({ filename }) => filename.endsWith(path))).toEqual([])
  })
})
