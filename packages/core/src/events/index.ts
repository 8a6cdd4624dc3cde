export * from './alert.ts'
export * from './channel.ts'
export * from './replay.ts'
export * from './rollup.ts'
