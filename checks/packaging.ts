// Does functions/dist stand alone? Cloud Build sees nothing else: so it is copied away from the workspaces, installed
// from its own lockfile, and loaded by the SDK's discovery. Run by `npm run check:packaging`, which builds first.
import { execFileSync } from 'node:child_process'
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { agreedManifest, discoverManifest } from '../functions/manifest.ts'

type Lock = { packages: Record<string, { version?: string; integrity?: string }> }

const root = join(import.meta.dirname, '..')
const dist = join(root, 'functions/dist')
const readLock = async (folder: string) => JSON.parse(await readFile(join(folder, 'package-lock.json'), 'utf8')) as Lock

/** A package by what it is, wherever it stands in a tree. */
const identities = (lock: Lock) =>
  Object.entries(lock.packages)
    .filter(([path]) => path.includes('node_modules/'))
    .map(([path, { version, integrity }]) => `${path.split('node_modules/').at(-1)}@${version} ${integrity}`)

/** The packages that dist would install and that no test here has run with. */
const strayPackages = (deployed: Lock, agreed: Lock) => {
  const tested = new Set(identities(agreed))
  return identities(deployed).filter((identity) => !tested.has(identity))
}

const installAndDiscover = async () => {
  const scratch = await mkdtemp(join(tmpdir(), 'packaging-'))
  try {
    await cp(dist, scratch, { recursive: true, filter: (path) => !path.includes('node_modules') })
    const npm = ['ci', '--omit=dev', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', '--silent']
    execFileSync('npm', npm, { cwd: scratch, stdio: ['ignore', 'ignore', 'inherit'] })
    return await discoverManifest(scratch)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

const deployed = await readLock(dist)
const faults = strayPackages(deployed, await readLock(root)).map((stray) => `not in the root's lockfile: ${stray}`)
if ((await installAndDiscover()) !== (await readFile(agreedManifest, 'utf8'))) {
  faults.push(`the manifest of the installed copy differs from ${agreedManifest}`)
}
for (const fault of faults) console.error(fault)
if (faults.length > 0) process.exitCode = 1
else console.log(`functions/dist stands alone: ${Object.keys(deployed.packages).length - 1} packages as tested`)
