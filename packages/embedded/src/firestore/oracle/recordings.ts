import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const folder = join(import.meta.dirname, '../../../../../../shared/data/firestore-oracle')

/** Whether the recordings are there; they lie beside the project and are no part of it. */
export const hasRecordings = existsSync(folder)

if (!hasRecordings) {
  process.stderr.write("Skipped: the recordings of Google's emulator are not in ../shared/data/firestore-oracle.\n")
}

/** One file of recorded answers of Google's own emulator; `fallback` stands for it where the recordings are absent. */
export const recording = <T>(name: string, fallback: T): T =>
  hasRecordings ? (JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as T) : fallback
