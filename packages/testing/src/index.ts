export * from './event-builder.ts'
export * from './history.ts'
export * from './receipt-builder.ts'
export * from './wait-for.ts'
