// Bundles src/ into dist/, the folder that firebase.json deploys. Cloud Build sees only dist/, so dist/ carries its own
// manifest and a lockfile cut from the root one: what runs in production is what the tests ran. Files are written in
// place, and only when they changed, because a running functions emulator watches dist/.
import { execFileSync } from 'node:child_process'
import { hash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { rolldown } from 'rolldown'
import { discoverManifest } from './manifest.ts'
import { cutPackages, type Packages } from './lockfile.ts'

type Lock = { packages: Packages }
type Manifest = { name: string; engines: Record<string, string>; dependencies: Record<string, string> }

const here = import.meta.dirname
const dist = join(here, 'dist')

const readText = (path: string) => readFile(path, 'utf8').catch(() => undefined)
const readJson = async <T>(path: string) => JSON.parse(await readFile(path, 'utf8')) as T
const toJson = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`

/** @returns whether the file had to be written */
const writeChanged = async (path: string, content: string) => {
  if ((await readText(path)) === content) return false
  await writeFile(path, content)
  return true
}

/** Workspace packages are links in the lockfile and are bundled; every other dependency stays outside the bundle. */
const externalDependencies = (manifest: Manifest, lock: Lock) => {
  const versions: Record<string, string> = {}
  for (const name of Object.keys(manifest.dependencies)) {
    const entry = lock.packages[`functions/node_modules/${name}`] ?? lock.packages[`node_modules/${name}`]
    if (!entry) throw new Error(`${name} is a dependency of functions but not in package-lock.json: run npm install`)
    if (!entry.link && entry.version) versions[name] = entry.version
  }
  return versions
}

const bundle = async (dependencies: string[]) => {
  const isExternal = (id: string) =>
    id.startsWith('node:') || dependencies.some((name) => id === name || id.startsWith(`${name}/`))
  const build = await rolldown({
    input: join(here, 'src/index.ts'),
    platform: 'node',
    external: isExternal,
    onLog(level, log) {
      // An import that nothing resolves would only fail in Cloud Run, at load.
      if (level === 'warn') throw new Error(log.message)
    },
  })
  const { output } = await build.generate({ format: 'esm', sourcemap: true, codeSplitting: false })
  await build.close()
  const written = await Promise.all(
    output.map((file) =>
      writeChanged(join(dist, file.fileName), file.type === 'chunk' ? file.code : String(file.source)),
    ),
  )
  return written.includes(true)
}

const candidateLock = (deployed: { name: string }, lock: Lock) =>
  toJson({
    name: deployed.name,
    lockfileVersion: 3,
    requires: true,
    packages: { '': deployed, ...cutPackages(lock.packages) },
  })

/** Lets npm prune the entries that dist/package.json does not reach; skipped while the lock it starts from is unchanged. */
const writeLock = async (candidate: string) => {
  const stamp = join(dist, '.lock-inputs')
  const inputs = hash('sha256', candidate)
  if ((await readText(stamp)) === inputs && (await readText(join(dist, 'package-lock.json')))) return false
  await writeFile(join(dist, 'package-lock.json'), candidate)
  const npm = [
    'install',
    '--package-lock-only',
    '--omit=dev',
    '--ignore-scripts',
    '--prefer-offline',
    '--no-audit',
    '--no-fund',
  ]
  execFileSync('npm', npm, { cwd: dist, stdio: ['ignore', 'ignore', 'inherit'] })
  await writeFile(stamp, inputs)
  return true
}

const startedAt = performance.now()
const manifest = await readJson<Manifest>(join(here, 'package.json'))
const rootLock = await readJson<Lock>(join(here, '../package-lock.json'))
const dependencies = externalDependencies(manifest, rootLock)
const deployed = {
  name: manifest.name,
  private: true,
  type: 'module',
  main: 'index.js',
  engines: manifest.engines,
  dependencies,
}

await mkdir(dist, { recursive: true })
const written = [
  await writeChanged(join(dist, 'package.json'), toJson(deployed)),
  await bundle(Object.keys(dependencies)),
  await writeLock(candidateLock(deployed, rootLock)),
]
// With its manifest written down, the Firebase CLI need not load the bundle to discover it, for which it takes 3 s.
const discovered = join(dist, 'functions.yaml')
if (written.includes(true) || (await readText(discovered)) === undefined)
  await writeChanged(discovered, await discoverManifest(dist))
const state = written.includes(true) ? 'built' : 'up to date'
process.stderr.write(`functions/dist ${state} in ${Math.round(performance.now() - startedAt)} ms\n`)
