// The part of the root's lockfile that functions needs, as a lockfile of its own folder.

export type LockEntry = {
  version?: string
  integrity?: string
  link?: boolean
  dependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
}
export type Packages = Record<string, LockEntry>

const rootPrefix = 'node_modules/'
const functionsPrefix = 'functions/node_modules/'

/** What Node would load for `name` from the package at `path`: the nearest node_modules that holds it. */
export const resolved = (packages: Packages, path: string, name: string) => {
  const folders = path.split('/node_modules/')
  for (let depth = folders.length; depth >= 0; depth--) {
    const folder = folders.slice(0, depth).join('/node_modules/')
    const candidate = `${folder === '' ? '' : `${folder}/`}node_modules/${name}`
    if (packages[candidate]) return candidate
  }
  return undefined
}

const dependsOn = ({ dependencies, optionalDependencies }: LockEntry, name: string) =>
  dependencies?.[name] !== undefined || optionalDependencies?.[name] !== undefined

/** A package at the root, and what is nested in it. */
const subtree = (packages: Packages, path: string) =>
  Object.keys(packages).filter((each) => each === path || each.startsWith(`${path}/node_modules/`))

/** The entries of a lockfile in which functions stands at the root: its own nested packages move up, workspace links go. */
export const cutPackages = (root: Packages): Packages => {
  const shared = Object.fromEntries(
    Object.entries(root).filter(([path, entry]) => path.startsWith(rootPrefix) && !entry.link),
  )
  const own = Object.entries(root).filter(([path]) => path.startsWith(functionsPrefix))
  const cut = { ...shared }
  for (const [path] of own) {
    const name = path.slice(functionsPrefix.length)
    const displaced = `${rootPrefix}${name}`
    if (name.includes('/node_modules/') || !shared[displaced]) continue
    // Who relied on the root's version gets a copy of its own, so that it keeps the version it was tested with.
    const dependents = Object.entries(shared)
      .filter(([each, entry]) => dependsOn(entry, name) && resolved(shared, each, name) === displaced)
      .map(([each]) => each)
    for (const each of subtree(shared, displaced)) {
      delete cut[each]
      for (const dependent of dependents) {
        const entry = shared[each]
        if (entry) cut[`${dependent}/${each}`] = entry
      }
    }
  }
  for (const [path, entry] of own) cut[path.slice('functions/'.length)] = entry
  return cut
}
