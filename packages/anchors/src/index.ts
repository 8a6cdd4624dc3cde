export * from './anchorer.ts'
export * from './evm/evm-anchorer.ts'
