// No suite is needed here: the functions that would be deployed, as the Firebase CLI discovers them.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { agreedManifest, discoverManifest } from '../functions/manifest.ts'

const functionsFolder = join(import.meta.dirname, '../functions')

beforeAll(() => {
  execFileSync(process.execPath, [join(functionsFolder, 'build.ts')], { stdio: 'ignore' })
})

it('the functions, their topics, schedules, retry flags and limits are those agreed on', async () => {
  await expect(await discoverManifest(join(functionsFolder, 'dist'))).toMatchFileSnapshot(agreedManifest)
})

it('neither Google’s clients nor CEL are loaded with the functions, but where they are needed', () => {
  const bundle = readFileSync(join(functionsFolder, 'dist/index.js'), 'utf8')
  expect(bundle.match(/^import .*"(?:@google-cloud\/|google-|firebase-admin|@bufbuild\/|hono|@hono\/).*"/gm)).toBeNull()
})
