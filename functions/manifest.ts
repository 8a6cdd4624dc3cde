// What `firebase deploy` would find in a built functions folder, by the SDK's own discovery.
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { findPackageJSON } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** The manifest as it is agreed on: a change of a name, topic, schedule, retry flag or limit shows here in review. */
export const agreedManifest = join(import.meta.dirname, '../emulator-tests/manifest.json')

/**
 * @param folder with a package.json and an index.js, beside or below the node_modules it runs with
 * @returns every endpoint and parameter, as JSON
 * @throws with the SDK's own words when the bundle does not load
 */
export const discoverManifest = async (folder: string): Promise<string> => {
  const sdk = findPackageJSON('firebase-functions', join(folder, 'index.js'))
  if (!sdk) throw new Error(`firebase-functions is not installed for ${folder}`)
  const scratch = await mkdtemp(join(tmpdir(), 'manifest-'))
  const output = join(scratch, 'manifest.json')
  try {
    await run(process.execPath, [join(dirname(sdk), 'lib/bin/firebase-functions.js'), '.'], {
      cwd: folder,
      env: {
        FUNCTIONS_CONTROL_API: 'true',
        FUNCTIONS_MANIFEST_OUTPUT_PATH: output,
        GCLOUD_PROJECT: 'demo-infinity-matrix',
      },
    })
    return await readFile(output, 'utf8')
  } finally {
    await rm(scratch, { recursive: true })
  }
}
