import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { StorageRulesRuntime } from './runtime.ts'

const READY = { id: -1, status: 'ok' }

const parse = (line: string): Parameters<StorageRulesRuntime['handle']>[0] | null => {
  try {
    const message: unknown = JSON.parse(line)
    return typeof message === 'object' && message !== null && 'id' in message ? (message as never) : null
  } catch {
    return null
  }
}

/**
 * Serves the storage rules runtime of the Firebase CLI's Storage emulator: a JSON message a line on `input`, an answer a
 * line on `output`, first of all that it is ready. Resolves when the input ends.
 */
export const serveStorageRules = async (
  input: Readable,
  output: Writable,
  log: (line: string) => void = () => {},
): Promise<void> => {
  const runtime = new StorageRulesRuntime()
  const send = (message: object) => output.write(`${JSON.stringify(message)}\n`)
  send(READY)
  for await (const line of createInterface({ input })) {
    if (line.trim() === '') continue
    const message = parse(line)
    if (message) send(runtime.handle(message))
    else log(`storage rules: not a message: ${line.slice(0, 100)}`)
  }
}
