export * from './archive.ts'
export * from './compare.ts'
export * from './parquet-archive.ts'
export * from './rebuild.ts'
