import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'

const packageFolder = resolve(import.meta.dirname, '..')
const projectId = 'demo-suite'
const rootFolder = resolve(packageFolder, '../..')

/** A Firebase project with functions of its own, in a folder of its own. */
const newProject = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'firestore-suite-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  await mkdir(join(folder, 'functions'))
  await symlink(join(rootFolder, 'node_modules'), join(folder, 'node_modules'))
  await symlink(join(rootFolder, 'node_modules'), join(folder, 'functions/node_modules'))
  await copyFile(join(import.meta.dirname, 'suite/functions.ts'), join(folder, 'functions/index.ts'))
  await copyFile(join(import.meta.dirname, 'suite/script.ts'), join(folder, 'script.ts'))
  const functions = { name: 'functions', type: 'module', main: 'index.ts', dependencies: { 'firebase-functions': '*' } }
  await writeFile(join(folder, 'functions/package.json'), JSON.stringify(functions))
  const host = '127.0.0.1'
  const firebase = {
    functions: [{ source: 'functions', codebase: 'default', runtime: 'nodejs24' }],
    emulators: { functions: { host }, firestore: { host }, hub: { host }, logging: { host }, ui: { enabled: false } },
  }
  await writeFile(join(folder, 'firebase.json'), JSON.stringify(firebase))
  return folder
}

/** Runs the script under the installed Firebase CLI, and gives what it printed. */
const exec = async (folder: string, only: string, flags: readonly string[], count: number) => {
  const launcher = join(packageFolder, 'bin/imx-emulators')
  const script = `${process.execPath} script.ts ${projectId} ${count}`
  const args = ['--free-ports', 'emulators:exec', '--project', projectId, '--only', only, ...flags, script]
  const child = spawn(process.execPath, [launcher, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  const [out, error] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  const [, json] = /RESULT (.*)/.exec(out) ?? []
  if (json === undefined) throw new Error(`the script printed no result:\n${out}\n${error}`)
  return JSON.parse(json) as { seen: { name: string }[]; elsewhere: object[]; deep: object }
}

test(
  'functions of both generations hear of changes, and what is exported at the end is there in the next suite',
  {
    timeout: 180_000,
  },
  async () => {
    const folder = await newProject()
    const { seen } = await exec(folder, 'functions,firestore', ['--export-on-exit', 'exported'], 9)
    const of = (name: string) => seen.filter((event) => event.name === name)
    const thing = { params: { id: 'a' }, document: 'things/a', database: '(default)' }
    expect(of('created')).toMatchObject([{ ...thing, data: { n: 1 }, path: 'things/a' }])
    expect(of('updated').toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)))).toMatchObject([
      { ...thing, after: { n: 2 }, before: { n: 1 } },
      { ...thing, after: { n: 3 }, before: { n: 2 } },
    ])
    expect(of('deleted')).toMatchObject([{ ...thing, data: { n: 3 } }])
    const written = { params: { top: 'x', rest: 'y/more/z' }, before: null }
    expect(of('written')).toMatchObject([{ ...written, after: { list: [1, {}] } }])
    expect(of('other')).toMatchObject([{ database: 'second', params: { id: 'b' }, data: { n: 9 } }])
    expect(of('authenticated')).toMatchObject([{ params: { id: 'a' }, authType: 'service_account' }])
    expect(of('legacy').toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)))).toMatchObject([
      { params: { id: 'a' }, type: 'google.firestore.document.write', after: { n: 1 }, before: null },
      { params: { id: 'a' }, after: { n: 2 }, before: { n: 1 } },
    ])
    expect(seen).toHaveLength(9)

    const metadata = JSON.parse(
      await readFile(join(folder, 'exported/firebase-export-metadata.json'), 'utf8'),
    ) as object
    const file = 'firestore_export/firestore_export.overall_export_metadata'
    expect(metadata).toMatchObject({ firestore: { metadata_file: file } })
    const imported = await exec(folder, 'firestore', ['--import', 'exported'], 0)
    expect(imported).toMatchObject({ elsewhere: [{ n: 1 }], deep: { list: [1, {}] } })
    expect(imported.seen).toHaveLength(9)
  },
)
