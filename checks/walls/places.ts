// Where a file stands and what an import points at, both relative to the root: the words in which walls.ts speaks.
import { createRequire, isBuiltin } from 'node:module'
import { join, posix, relative, sep } from 'node:path'

/** A place in the house. `area` is the workspace; `room` the folder below its src, or the file's own name there. */
export type Place = { path: string; area: string; room: string | undefined; isTest: boolean }

export type Target =
  | { kind: 'node' }
  | { kind: 'unknown' }
  | { kind: 'package'; name: string }
  | { kind: 'place'; place: Place }

const root = join(import.meta.dirname, '../..')
const resolver = createRequire(import.meta.url)
const ownScope = '@infinity-matrix/'

/** The workspace a path belongs to: packages/core is `core`, functions is `functions`; files at the root are `root`. */
const areaOf = ([top = 'root', second]: string[]) => {
  if (second === undefined) return 'root'
  return top === 'packages' ? second : top
}

/** Tests, and what stands beside the source only for them: testing.ts, a test or e2e folder. */
const testPath = /\.test\.tsx?$|(^|\/)testing\.ts$|(^|\/)(test|e2e)\//

export const placeOf = (path: string): Place => {
  const segments = path.split('/')
  const source = segments.indexOf('src')
  return {
    path,
    area: areaOf(segments),
    room: source < 0 ? undefined : segments[source + 1]?.replace(/\.ts$/, ''),
    isTest: testPath.test(path),
  }
}

/** Where a workspace's own exports lead: `@infinity-matrix/core/fleet` to packages/core/src/fleet/index.ts. */
const workspacePath = (specifier: string) => {
  try {
    return relative(root, resolver.resolve(specifier)).split(sep).join('/')
  } catch {
    return undefined
  }
}

const packageName = (specifier: string) =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')

/** @param path of the importing file, relative to the root, with forward slashes */
export const targetOf = (path: string, specifier: string): Target => {
  if (specifier.startsWith('.')) {
    return { kind: 'place', place: placeOf(posix.join(posix.dirname(path), specifier)) }
  }
  if (specifier.startsWith(ownScope)) {
    const found = workspacePath(specifier)
    return found === undefined ? { kind: 'unknown' } : { kind: 'place', place: placeOf(found) }
  }
  if (isBuiltin(specifier)) return { kind: 'node' }
  return { kind: 'package', name: packageName(specifier) }
}
