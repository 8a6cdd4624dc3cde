// No suite is needed here: the functions that would be deployed, as the Firebase CLI discovers them.
import { execFileSync } from 'node:child_process'
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
