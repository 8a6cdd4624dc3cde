export * as events from './events/index.ts'
export * as fleet from './fleet/index.ts'
