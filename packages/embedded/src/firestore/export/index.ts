export { importDocuments } from './import.ts'
export { readExport } from './read-export.ts'
export { writeExport } from './write-export.ts'
export type { ExportedDocument } from './entity.ts'
