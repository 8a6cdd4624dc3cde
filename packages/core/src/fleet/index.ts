export * from './cell.ts'
export * from './fold.ts'
export * from './reported.ts'
export * from './silence.ts'
