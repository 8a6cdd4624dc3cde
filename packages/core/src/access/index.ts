export * from './decide.ts'
export * from './policy.ts'
export * from './principal.ts'
export * from './rules.ts'
