import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'

const packageFolder = resolve(import.meta.dirname, '..')
const modules = resolve(packageFolder, '../../node_modules')
const projectId = 'demo-tasks-suite'

/** A Firebase project with functions of its own, in a folder of its own. */
const newProject = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'tasks-suite-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  await mkdir(join(folder, 'functions'))
  await symlink(modules, join(folder, 'node_modules'))
  await symlink(modules, join(folder, 'functions/node_modules'))
  await copyFile(join(import.meta.dirname, 'tasks-suite/functions.ts'), join(folder, 'functions/index.ts'))
  await copyFile(join(import.meta.dirname, 'tasks-suite/script.ts'), join(folder, 'script.ts'))
  const functions = { name: 'functions', type: 'module', main: 'index.ts', dependencies: { 'firebase-functions': '*' } }
  await writeFile(join(folder, 'functions/package.json'), JSON.stringify(functions))
  const emulator = { host: '127.0.0.1' }
  const firebase = {
    functions: [{ source: 'functions', codebase: 'default', runtime: 'nodejs24' }],
    emulators: {
      functions: emulator,
      pubsub: emulator,
      tasks: emulator,
      eventarc: emulator,
      hub: emulator,
      logging: emulator,
      ui: { enabled: false },
    },
  }
  await writeFile(join(folder, 'firebase.json'), JSON.stringify(firebase))
  return folder
}

interface Run {
  name: string
  scheduleTime: string
  error?: string
}

interface Result {
  twice: string
  unknown: string
  again: string
  waiting: { tasks: Run[] }
  ran: { fired: Run[]; ran: Run[] }
  week: { fired: Run[] }
  notes: Record<string, unknown>[]
}

const exec = async (folder: string): Promise<Result> => {
  const script = `${process.execPath} script.ts ${projectId}`
  const args = ['--free-ports', 'emulators:exec', '--project', projectId, script]
  const child = spawn(join(packageFolder, 'bin/imx-emulators'), args, {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  const [out, error] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  const [, json] = /RESULT (.*)/.exec(out) ?? []
  if (json === undefined) throw new Error(`the script printed no result:\n${out}\n${error}`)
  return JSON.parse(json) as Result
}

test(
  'task queues and schedules of a project run by its options, when time is stepped',
  { timeout: 180_000 },
  async () => {
    const { twice, unknown, again, waiting, ran, week, notes } = await exec(await newProject())
    expect({ twice, unknown, again }).toEqual({
      twice: 'functions/task-already-exists',
      unknown: 'functions/not-found',
      again: 'functions/task-already-exists',
    })
    const idOf = ({ name }: Run): string => name.slice(name.lastIndexOf('/') + 1)
    expect(waiting.tasks.map(idOf)).toEqual(['failing', 'first'])

    expect(ran.ran.map((run) => [idOf(run), run.error])).toEqual([
      ['failing', 'INTERNAL(13): HTTP status code 500'],
      ['failing', 'INTERNAL(13): HTTP status code 500'],
      ['first', undefined],
      ['failing', 'INTERNAL(13): HTTP status code 500'],
      ['chained', undefined],
    ])
    const at = (index: number): number => Date.parse(ran.ran[index]?.scheduleTime ?? '')
    expect([at(1) - at(0), at(3) - at(1), at(4) - at(2)]).toEqual([60_000, 120_000, expect.closeTo(600_000, -4)])
    const fired = [...ran.fired, ...week.fired].map(({ name }) => name)
    expect(fired.toSorted((a, b) => a.localeCompare(b))).toEqual(['legacy', 'tick', 'tick'])

    const of = (name: string) => notes.filter((line) => line['name'] === name)
    expect(of('work')).toMatchObject([
      { id: 'failing', queueName: 'work', retryCount: 0 },
      { id: 'failing', retryCount: 1, previousResponse: 500 },
      { id: 'first', retryCount: 0 },
      { id: 'failing', retryCount: 2 },
      { id: 'chained', retryCount: 0 },
    ])
    const [{ scheduleTime } = {}] = of('tick')
    expect(String(scheduleTime)).toMatch(/T00:00:00.000Z$/)
    expect(of('tick').map((tick) => tick['scheduleTime'])).toEqual([scheduleTime, scheduleTime])
    expect(of('legacy')).toEqual([{ name: 'legacy', timestamp: scheduleTime }])
  },
)
