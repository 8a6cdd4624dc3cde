export * as access from './access/index.ts'
export * as events from './events/index.ts'
export * as fleet from './fleet/index.ts'
export * as ledger from './ledger/index.ts'
