import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

const folder = join(import.meta.dirname, '../../../../../../shared/data/firestore-oracle')

/** Whether the recordings are there; they lie beside the project and are no part of it. */
export const hasRecordings = existsSync(folder)

if (!hasRecordings) {
  process.stderr.write("Skipped: the recordings of Google's emulator are not in ../shared/data/firestore-oracle.\n")
}

const read = (name: string): unknown => JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'))

/** One file of recorded answers of Google's own emulator; `fallback` stands for it where the recordings are absent. */
export const recording = <T>(name: string, fallback: T): T => (hasRecordings ? (read(name) as T) : fallback)

/** The recordings there are, without `.json`. */
export const recordedFiles = (): string[] =>
  hasRecordings
    ? readdirSync(folder).flatMap((name) => (name.endsWith('.json') ? [name.slice(0, -'.json'.length)] : []))
    : []

// What a file holds besides cases.
const SETTINGS = new Set(['dataset', 'seed', 'services'])

/** How many cases a recording has. An order of values counts each group of equal values, and that of names once. */
export const recordedCases = (name: string): number => {
  const content = read(name) as Record<string, unknown>
  if (name === 'value_order') return (content['values'] as { groups: unknown[] }).groups.length + 1
  const lists = Object.entries(content).filter(([key, value]) => Array.isArray(value) && !SETTINGS.has(key))
  return lists.reduce((sum, [, list]) => sum + (list as unknown[]).length, 0)
}
