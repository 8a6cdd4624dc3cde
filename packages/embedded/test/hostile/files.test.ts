import { cp, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest'
import { Attack } from './attack.ts'
import { EngineProcess } from './engine-process.ts'
import { mutated } from './messages.ts'
import { Random } from './random.ts'

const SEED = 20_261_122
const DATABASE = 'projects/p/databases/(default)'
const ADMIN = '/emulator/v1/projects/p'

let folder: string
let attack: Attack

const post = (path: string, body: object) =>
  fetch(`http://127.0.0.1:${attack.engines.ports.firestore}${path}`, {
    method: 'POST',
    headers: { authorization: 'Bearer owner' },
    body: JSON.stringify(body),
  })

/** A folder of its own with an export, and a journal of Firestore and Pub/Sub. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hostile-'))
  attack = await Attack.begin(['--persist', join(folder, 'journal')])
  await attack.restore()
  for (let i = 0; i < 20; i++) {
    const fields = { n: { integerValue: i }, at: { timestampValue: '2026-01-01T00:00:00Z' }, s: { stringValue: 'é' } }
    await post(`/v1/${DATABASE}/documents/c`, { fields })
  }
  await post(`${ADMIN}:export`, { database: DATABASE, export_directory: folder, export_name: 'export' })
}, 30_000)
afterEach(() => attack.expectWell())
afterAll(async () => {
  await attack.end()
  await rm(folder, { recursive: true })
})

/** A copy of what is in the folder, in which one file has had an accident; its files. */
const damaged = async (name: string, random: Random): Promise<{ copy: string; files: string[] }> => {
  const copy = join(folder, `${name}-damaged`)
  await rm(copy, { recursive: true, force: true })
  await cp(join(folder, name), copy, { recursive: true })
  const entries = await readdir(copy, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const one = random.pick(files.filter((file) => !file.endsWith('lock')))
  await writeFile(one, mutated(await readFile(one), random))
  return { copy, files }
}

test('an export that has been damaged is refused, or taken as far as it is whole', async () => {
  const random = new Random(SEED)
  const statuses = new Set<number>()
  for (let i = 0; i < 150; i++) {
    const { files } = await damaged('export', random)
    const metadata = files.find((file) => file.endsWith('overall_export_metadata'))
    const { status } = await post(`${ADMIN}:import`, { database: DATABASE, export_directory: metadata })
    statuses.add(status)
  }
  expect(statuses).toEqual(new Set([200, 400]))
})

test('a journal that has been damaged is told of in one line, or read as far as it is whole', async () => {
  const random = new Random(SEED)
  for (let i = 0; i < 4; i++) {
    const { copy } = await damaged('journal', random)
    const said = await EngineProcess.start(['--persist', copy]).then(
      async (engines) => {
        onTestFinished(() => engines.stop())
        return engines.log
      },
      (refusal: Error) => [refusal.message],
    )
    expect(said.join('\n')).not.toMatch(/^\s+at |TypeError|RangeError/m)
  }
})
