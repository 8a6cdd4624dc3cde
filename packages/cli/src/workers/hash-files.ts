// Hashes this repository's source files into one digest.
import { createHash } from 'node:crypto'
import { glob, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { repositoryRoot } from '../settings.ts'
import { step } from './report.ts'

const filesMax = 40
const digest = createHash('sha256')
let files = 0
for await (const file of glob('packages/*/src/**/*.ts', { cwd: repositoryRoot })) {
  const content = await readFile(join(repositoryRoot, file))
  digest.update(content)
  step({ step: 'observed', observationBytes: content.length })
  files += 1
  if (files === filesMax) break
  await delay(400)
}
console.log(`${files} files: ${digest.digest('hex')}`)
