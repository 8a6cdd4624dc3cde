import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { JsonClient } from '../oracle/client.ts'
import type { JsonObject } from '../oracle/proto-json.ts'

// How often an engine is killed: a few times always, hundreds on request (IMX_KILLS=200 IMX_SEED=7).
const kills = Number(process.env['IMX_KILLS'] ?? 20)
const firstSeed = Number(process.env['IMX_SEED'] ?? 1)

const DATABASE = 'projects/p/databases/(default)'
const WRITERS = 4
const SET_SIZE = 5
const WINDOW = 40

/** mulberry32: numbers from 0 to 1 that depend on the seed alone. */
const randomFrom = (seed: number) => {
  let state = seed
  return (): number => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

const name = (path: string) => `${DATABASE}/documents/${path}`
/** Times end where their zeros do; as long as they can be, they are ordered like texts. */
const comparable = (time: string) => time.replace('Z', '').padEnd(26, '0')
const put = (path: string, n: number): JsonObject => ({
  update: { name: name(path), fields: { n: { integerValue: String(n) }, pad: { stringValue: 'x'.repeat(n % 300) } } },
})

/**
 * One client, which writes commit after commit. Commit `n` sets all documents of a set to `n`, adds `log/{n}` and deletes
 * the one of `WINDOW` commits ago: whoever sees the documents knows which commit was the last.
 */
class Writer {
  readonly #id: number
  /** The last commit that was answered, and its time. */
  acknowledged = 0
  time = ''
  sent = 0

  constructor(id: number) {
    this.#id = id
  }

  async write(client: JsonClient, stopped: () => boolean): Promise<void> {
    while (!stopped()) {
      const n = ++this.sent
      const writes = [
        ...Array.from({ length: SET_SIZE }, (_, i) => put(`set${this.#id}/d${i}`, n)),
        put(`log${this.#id}/${n}`, n),
        ...(n > WINDOW ? [{ delete: name(`log${this.#id}/${n - WINDOW}`) }] : []),
      ]
      const { status, responses } = await client.call('Commit', { database: DATABASE, writes })
      if (status !== 'OK') return
      this.acknowledged = n
      this.time = responses[0]?.['commitTime'] as string
    }
  }

  /** Checks what is there after a restart, and goes on from it. */
  async check(client: JsonClient): Promise<void> {
    const documentsOf = async (collectionId: string) => {
      const parent = `${DATABASE}/documents`
      const query = { parent, structuredQuery: { from: [{ collectionId }] } }
      const { status, responses } = await client.call('RunQuery', query)
      expect(status).toBe('OK')
      return responses.flatMap(({ document }) => (document ? [document as JsonObject] : []))
    }
    const numberOf = (document: JsonObject) =>
      Number((document['fields'] as { n: { integerValue: string } }).n.integerValue)
    const set = await documentsOf(`set${this.#id}`)
    const last = set[0] ? numberOf(set[0]) : 0
    // Nothing that was answered is lost, nothing is there that was not sent.
    expect(last).toBeGreaterThanOrEqual(this.acknowledged)
    expect(last).toBeLessThanOrEqual(this.sent)
    // A commit is there whole, or not at all.
    expect(set.map(numberOf)).toEqual(Array.from({ length: last > 0 ? SET_SIZE : 0 }, () => last))
    expect(new Set(set.map((document) => document['updateTime'])).size).toBeLessThan(2)
    const log = (await documentsOf(`log${this.#id}`)).map(numberOf).toSorted((a, b) => a - b)
    expect(log).toEqual(Array.from({ length: Math.min(last, WINDOW) }, (_, i) => last - Math.min(last, WINDOW) + 1 + i))
    if (last > 0 && last === this.acknowledged) expect(set[0]?.['updateTime']).toBe(this.time)
    this.acknowledged = last
    this.sent = last
    this.time = (set[0]?.['updateTime'] as string | undefined) ?? ''
  }
}

const start = (folder: string, said: string[]): ChildProcess => {
  const main = join(import.meta.dirname, 'killed-engine.ts')
  const child = spawn(process.execPath, [main, folder], { stdio: ['ignore', 'pipe', 'pipe'] })
  createInterface(child.stderr as NodeJS.ReadableStream).on('line', (line) => said.push(line))
  return child
}

const kill = async (child: ChildProcess): Promise<void> => {
  const exited = once(child, 'exit')
  if (child.exitCode === null) {
    child.kill('SIGKILL')
    await exited
  }
}

const ready = async (child: ChildProcess, said: readonly string[]): Promise<JsonClient> => {
  for await (const line of createInterface(child.stdout as NodeJS.ReadableStream)) {
    const [, address] = /listening on (\S+)/.exec(line) ?? []
    if (address) return new JsonClient(address)
  }
  throw new Error(`the engine did not start: ${said.join('\n')}`)
}

test(
  `an engine killed ${kills} times while it writes, makes snapshots and recovers loses nothing it answered`,
  { timeout: 20_000 + kills * 5000 },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'firestore-kill-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const writers = Array.from({ length: WRITERS }, (_, id) => new Writer(id))
    const said: string[] = []
    const found = { inRecovery: 0, unfinishedWrites: 0, unfinishedSnapshots: 0, commits: 0 }
    let latest = ''
    for (let killed = 0; killed < kills;) {
      const random = randomFrom(firstSeed * 100_000 + killed)
      if (random() < 0.3) {
        const early = start(folder, said)
        await delay(random() * 300)
        await kill(early)
        killed++
        found.inRecovery++
        continue
      }
      const child = start(folder, said)
      const client = await ready(child, said)
      for (const writer of writers) await writer.check(client)
      // Time goes on.
      const { commitTime } = await client.ask('Commit', { database: DATABASE, writes: [put('time/now', killed)] })
      expect(comparable(commitTime as string) > latest).toBe(true)
      latest = comparable(commitTime as string)
      let stopped = false
      const writing = writers.map((writer) => writer.write(client, () => stopped))
      await delay(random() * 200)
      await kill(child)
      stopped = true
      client.close()
      await Promise.all(writing)
      killed++
      for (const { time } of writers) if (comparable(time) > latest) latest = comparable(time)
      if ((await readdir(folder)).some((file) => file.endsWith('.new'))) found.unfinishedSnapshots++
    }
    const child = start(folder, said)
    const client = await ready(child, said)
    for (const writer of writers) {
      await writer.check(client)
      found.commits += writer.acknowledged
    }
    client.close()
    await kill(child)
    found.unfinishedWrites = said.filter((line) => line.includes('never finished')).length
    // Nothing else is worth a line.
    expect(said.filter((line) => !line.includes('never finished'))).toEqual([])
    console.log(JSON.stringify({ kills, firstSeed, ...found }))
    expect(found.commits).toBeGreaterThan(kills)
  },
)
