import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const BINARY = join(import.meta.dirname, '../../bin/tasks-emulator')

/** What the Firebase CLI wants of an emulator, in the place of its own class of this name. */
export class TasksEmulator {
  readonly #host: string
  readonly #port: number
  #child: ChildProcess | undefined

  constructor({ host = '127.0.0.1', port = 9499 }: { host?: string; port?: number }) {
    this.#host = host
    this.#port = port
  }

  /** Rejects with what the engine said when it ends instead of listening. */
  async start(): Promise<void> {
    // In a session of its own, as the CLI starts emulators: Ctrl-C is for the CLI, which stops them in its order.
    const child = spawn(BINARY, [`--host=${this.#host}`, `--port=${this.#port}`], {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    const said: string[] = []
    createInterface({ input: child.stderr }).on('line', (line) => {
      if (said.length < 20) said.push(line)
      console.error(`⚠  tasks: ${line}`)
    })
    const exited = once(child, 'exit').then(([code]) => {
      throw new Error(`the Cloud Tasks engine ended with code ${String(code)}: ${said.join('; ')}`)
    })
    const listening = new Promise<void>((resolve) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        if (line.includes('listening on')) resolve()
      })
    })
    await Promise.race([listening, exited])
    exited.catch(() => {})
  }

  connect(): Promise<void> {
    return Promise.resolve()
  }

  async stop(): Promise<void> {
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGINT')
    await exited
  }

  getInfo(): { name: string; host: string; port: number; pid: number | undefined } {
    return { name: this.getName(), host: this.#host, port: this.#port, pid: this.#child?.pid }
  }

  getName(): string {
    return 'tasks'
  }
}
