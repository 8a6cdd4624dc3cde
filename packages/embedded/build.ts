// Makes dist/, the package as it is published: JavaScript with declarations, since Node does not strip types from what
// lies in node_modules. Inside this repository everything runs from src/.
import { execFileSync } from 'node:child_process'
import { cp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

interface Manifest {
  private?: boolean
  bin: Record<string, string>
  exports: Record<string, string>
  peerDependencies: Record<string, string>
  peerDependenciesMeta: Record<string, object>
  scripts?: unknown
  devDependencies?: unknown
}

const here = import.meta.dirname
const dist = join(here, 'dist')

const asJavaScript = (text: string): string => text.replaceAll(/(\.\.\/src\/[\w/-]+)\.ts\b/g, '$1.js')

const copyCommands = async (): Promise<void> => {
  await cp(join(here, 'bin'), join(dist, 'bin'), { recursive: true })
  for (const entry of await readdir(join(dist, 'bin'), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    await writeFile(path, asJavaScript(await readFile(path, 'utf8')))
  }
}

// `imx-emulators` runs the Firebase CLI of the project it is called in; the engines alone need none.
const besides = ({ peerDependencies, peerDependenciesMeta }: Manifest) => ({
  peerDependencies: { ...peerDependencies, 'firebase-tools': '>=15' },
  peerDependenciesMeta: { ...peerDependenciesMeta, 'firebase-tools': { optional: true } },
})

const publishedManifest = async (): Promise<object> => {
  const manifest = JSON.parse(await readFile(join(here, 'package.json'), 'utf8')) as Manifest
  const { private: _, scripts, devDependencies, exports, ...rest } = manifest
  const published = Object.entries(exports).map(([name, source]) => {
    const module = source.slice(0, -'.ts'.length)
    return [name, { types: `${module}.d.ts`, default: `${module}.js` }]
  })
  return { ...rest, engines: { node: '>=22' }, ...besides(manifest), exports: Object.fromEntries(published) as object }
}

await rm(dist, { recursive: true, force: true })
await mkdir(dist)
// The command, which npm puts on PATH: TypeScript 7 has no stable API.
execFileSync('tsc', ['-p', join(here, 'tsconfig.build.json')], { stdio: 'inherit' })
await copyCommands()
await cp(join(here, 'README.md'), join(dist, 'README.md'))
await writeFile(join(dist, 'package.json'), `${JSON.stringify(await publishedManifest(), null, 2)}\n`)
