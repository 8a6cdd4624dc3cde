// Starts the engine whose `start` function is named, and tells what it loaded: modules, and parts of Node.
import { registerHooks } from 'node:module'

const [module = '', start = ''] = process.argv.slice(2)
const loaded: string[] = []
registerHooks({
  load(url, context, next) {
    loaded.push(url)
    return next(url, context)
  },
})
const engines = (await import(module)) as Record<string, () => Promise<{ close(): Promise<void> }>>
const engine = await engines[start]?.()
const { moduleLoadList } = process as unknown as { moduleLoadList: string[] }
process.send?.([...loaded, ...moduleLoadList], () => void engine?.close())
