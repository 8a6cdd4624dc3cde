import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

export type ServerKind = 'firestore' | 'pubsub' | 'empty-firestore' | 'empty-pubsub'

export interface BenchServer {
  address: string
  /** From the start of its process to its answer that it listens. */
  startMs: number
  memoryBytes: () => Promise<number>
  usage: () => Promise<{ memoryBytes: number; cpuSeconds: number }>
  stop: () => Promise<void>
}

export const startServer = async (kind: ServerKind): Promise<BenchServer> => {
  const startedAt = performance.now()
  const child = fork(join(import.meta.dirname, 'server.ts'), [kind], {
    execArgv: ['--expose-gc'],
    // As the launcher starts the engines.
    env: { ...process.env, NODE_COMPILE_CACHE: join(import.meta.dirname, '../node_modules/.cache/node-compile') },
  })
  const answer = async () => {
    const [message] = (await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(() => Promise.reject(new Error(`server ${kind} ended before it answered`))),
    ])) as [{ port: number; memoryBytes: number; cpuSeconds: number }]
    return message
  }
  const usage = () => {
    const answered = answer()
    child.send('usage')
    return answered
  }
  const { port } = await answer()
  return {
    address: `127.0.0.1:${port}`,
    startMs: performance.now() - startedAt,
    memoryBytes: async () => (await usage()).memoryBytes,
    usage,
    async stop() {
      if (child.exitCode !== null) return
      const exited = once(child, 'exit')
      child.disconnect()
      await exited
    },
  }
}
