export * from './firestore/index.ts'
export * from './pubsub/index.ts'
