// Loaded into the Firebase CLI before its own code. The CLI always runs its own Cloud Tasks emulator, which heeds neither
// schedule times nor names, and there is no setting for another; so where its modules ask for that one, they get ours. All
// around it stays: the port of firebase.json, CLOUD_TASKS_EMULATOR_HOST, the queues that functions are given.
import { registerHooks } from 'node:module'

const THEIRS = /\/firebase-tools\/lib\/emulator\/tasksEmulator\.js$/
const ours = new URL('tasks-emulator.ts', import.meta.url).href

registerHooks({
  resolve(specifier, context, nextResolve) {
    const resolved = nextResolve(specifier, context)
    return THEIRS.test(resolved.url) ? { url: ours, format: 'module-typescript', shortCircuit: true } : resolved
  },
})
