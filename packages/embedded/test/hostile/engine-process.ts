import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const BIN = fileURLToPath(new URL('../../bin/imx-engines', import.meta.url))
const PORTS = { Firestore: 'firestore', 'Pub/Sub': 'pubsub', 'Cloud Tasks': 'tasks' } as const
export type EngineName = (typeof PORTS)[keyof typeof PORTS]

/** The engines as a user has them: one process, that is spoken to through its ports and heard through its log. */
export class EngineProcess {
  readonly child: ChildProcessWithoutNullStreams
  readonly ports: Record<EngineName, number> = { firestore: 0, pubsub: 0, tasks: 0 }
  /** What it said on stderr, in lines. */
  readonly log: string[] = []
  /** Its exit, once it has come. */
  exit: string | null = null

  private constructor(flags: readonly string[]) {
    this.child = spawn(BIN, ['--firestore-port', '0', '--pubsub-port', '0', '--tasks-port', '0', ...flags])
    this.child.on('exit', (code, signal) => (this.exit = `${code ?? signal}`))
    createInterface({ input: this.child.stderr }).on('line', (line) => this.log.push(line))
  }

  /** Resolves when all engines listen; rejects with what was said when the process ends before. */
  static async start(flags: readonly string[] = []): Promise<EngineProcess> {
    const engines = new EngineProcess(flags)
    const ended = once(engines.child, 'exit').then(() => {
      throw new Error(`The engines ended: ${engines.log.join('\n')}`)
    })
    ended.catch(() => {})
    const listening = new Promise<void>((resolve) => {
      let left = Object.keys(PORTS).length
      createInterface({ input: engines.child.stdout }).on('line', (line) => {
        const [, name, port] = /^(.*) engine listening on [^ ]*:(\d+)/.exec(line) ?? []
        if (name === undefined) return
        engines.ports[PORTS[name as keyof typeof PORTS]] = Number(port)
        if (--left === 0) resolve()
      })
    })
    await Promise.race([listening, ended])
    return engines
  }

  /** Resident memory in MiB (Linux). */
  async residentMiB(): Promise<number> {
    const status = await readFile(`/proc/${this.child.pid}/status`, 'utf8')
    return Number(/VmRSS:\s*(\d+)/.exec(status)?.[1]) / 1024
  }

  async stop(): Promise<void> {
    if (this.exit !== null) return
    const exited = once(this.child, 'exit')
    this.child.kill('SIGINT')
    await exited
  }
}
