export * from './firestore/index.ts'
export * from './pubsub/index.ts'
export * from './tasks/index.ts'
