export { serveStorageRules } from './serve.ts'
export { StorageRulesRuntime } from './runtime.ts'
