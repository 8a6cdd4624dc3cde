export * from './event-builder.ts'
export * from './history.ts'
