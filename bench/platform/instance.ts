import { fork } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { DeployedFunction } from './manifest.ts'

export interface ProcessUsage {
  memoryBytes: number
  cpuSeconds: number
}

export interface Answer {
  status: number
  headers?: IncomingHttpHeaders
  body: Buffer
}

export interface IncomingRequest {
  method: string
  path: string
  headers: Record<string, string | string[] | undefined>
  body: Buffer
}

/** One process of a function, under the functions framework as in production. */
export interface Instance {
  /** Rejects when the process dies before it answers, or takes longer than the function may. */
  send: (request: IncomingRequest) => Promise<Answer>
  usage: () => Promise<ProcessUsage>
  /** As the kernel does for want of memory: no handler runs, what is under way is gone. */
  kill: () => void
  ended: Promise<void>
  stop: () => Promise<void>
}

export interface InstanceOptions {
  /** The folder that is deployed. */
  source: string
  /** What the platform puts into the environment of every function. */
  environment: Record<string, string>
}

const preload = join(import.meta.dirname, 'instance-preload.ts')
// Its command, beside the entry that its package exports.
const framework = join(fileURLToPath(import.meta.resolve('@google-cloud/functions-framework')), '../main.js')
const compileCache = join(import.meta.dirname, '../../node_modules/.cache/node-compile')
const lastWordsLength = 2000

/** Starts an instance; resolves when it listens, rejects with its last words when it ends before. */
export const startInstance = async (
  { id, entryPoint, trigger, timeoutSeconds }: DeployedFunction,
  { source, environment }: InstanceOptions,
): Promise<Instance> => {
  const child = fork(framework, [], {
    execArgv: ['--import', preload],
    // A new instance shares nothing with this process but where its files are.
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      NODE_COMPILE_CACHE: compileCache,
      NODE_ENV: 'production',
      ...environment,
      // https://cloud.google.com/run/docs/container-contract#services-env-vars
      PORT: '0',
      K_SERVICE: id,
      FUNCTION_TARGET: entryPoint,
      FUNCTION_SIGNATURE_TYPE: trigger.kind === 'topic' ? 'cloudevent' : 'http',
      FUNCTION_SOURCE: source,
      CLOUD_RUN_TIMEOUT_SECONDS: String(timeoutSeconds),
    },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  let lastWords = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => (lastWords = (lastWords + text).slice(-lastWordsLength)))
  const ended = once(child, 'exit').then(() => {})
  const answer = async <T>() => {
    const died = ended.then(() => Promise.reject(new Error(`an instance of ${id} ended; it said:\n${lastWords}`)))
    const [message] = (await Promise.race([once(child, 'message'), died])) as [T]
    return message
  }
  const { port } = await answer<{ port: number }>()
  const agent = new Agent({ keepAlive: true, maxSockets: Infinity })

  const send = ({ method, path, headers, body }: IncomingRequest): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const request = httpRequest({ host: '127.0.0.1', port, agent, method, path, headers }, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 500, headers: response.headers, body: Buffer.concat(chunks) }),
        )
      })
      request.setTimeout(timeoutSeconds * 1000, () => request.destroy(new Error(`${id} took ${timeoutSeconds} s`)))
      request.on('error', reject)
      request.end(body)
    })

  return {
    send,
    async usage() {
      const answered = answer<ProcessUsage>()
      child.send('usage')
      return answered
    },
    kill: () => child.kill('SIGKILL'),
    ended,
    async stop() {
      child.kill('SIGKILL')
      await ended
      agent.destroy()
    },
  }
}
