// Loaded into the Firebase CLI before its own code. The CLI always runs its own Cloud Tasks emulator, which heeds neither
// schedule times nor names, and there is no setting for another; so where its modules ask for that one, they get ours. All
// around it stays: the port of firebase.json, CLOUD_TASKS_EMULATOR_HOST, the queues that functions are given.
import { registerHooks } from 'node:module'
import { extname } from 'node:path'

const THEIRS = /\/firebase-tools\/lib\/emulator\/tasksEmulator\.js$/
// TypeScript here, JavaScript in the package as it is published.
const extension = extname(import.meta.filename)
const ours = {
  url: import.meta.resolve(`./tasks-emulator${extension}`),
  format: extension === '.ts' ? 'module-typescript' : 'module',
  shortCircuit: true,
}

registerHooks({
  resolve(specifier, context, nextResolve) {
    const resolved = nextResolve(specifier, context)
    return THEIRS.test(resolved.url) ? ours : resolved
  },
})
