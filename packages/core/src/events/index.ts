export * from './replay.ts'
