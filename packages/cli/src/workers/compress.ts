// Compresses the lockfile, a piece at a time.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { brotliCompress } from 'node:zlib'
import { repositoryRoot } from '../settings.ts'
import { act, step } from './report.ts'

const pieceBytes = 65_536
const piecesMax = 12
const lockfile = await readFile(join(repositoryRoot, 'package-lock.json'))
let compressed = 0
for (let start = 0; start < Math.min(lockfile.length, pieceBytes * piecesMax); start += pieceBytes) {
  const piece = lockfile.subarray(start, start + pieceBytes)
  step({ step: 'observed', observationBytes: piece.length })
  compressed += (await act('brotli', () => promisify(brotliCompress)(piece))).length
  await delay(1000)
}
console.log(`${compressed} bytes of Brotli`)
