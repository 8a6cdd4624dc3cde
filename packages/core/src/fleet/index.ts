export * from './cell.ts'
export * from './fold.ts'
export * from './silence.ts'
export * from './gap.ts'
