import { readFile } from 'node:fs/promises'
import { dirname, isAbsolute, join } from 'node:path'
import { Code, StatusError } from '../../wire/status-error.ts'
import { decodeEntity, type ExportedDocument } from './entity.ts'
import { LogError, readLog } from './leveldb-log.ts'
import { VersionError, decodeOutputFiles, decodeOverall } from './metadata.ts'
import { WireError } from './wire.ts'

const invalid = (message: string) => new StatusError(Code.INVALID_ARGUMENT, message)

/** A file that another names, which must lie below that one's folder. */
const inside = (folder: string, name: string): string => {
  if (name === '' || isAbsolute(name) || name.split(/[/\\]/).includes('..')) {
    throw invalid(`Export metadata names a file outside of the export: ${name}`)
  }
  return join(folder, name)
}

const readOr = (path: string, message: string): Promise<Buffer> =>
  readFile(path).catch(() => {
    throw invalid(message)
  })

const documentsIn = (path: string, bytes: Buffer): ExportedDocument[] => {
  const documents: ExportedDocument[] = []
  for (const record of readLog(bytes)) {
    const document = decodeEntity(record)
    if (document.segments.length === 0) throw invalid(`Entity without a path in ${path}`)
    documents.push(document)
  }
  return documents
}

/**
 * Reads an export by its `*.overall_export_metadata` file: one of this engine, of Google's emulator, or of
 * `gcloud firestore export`. Throws INVALID_ARGUMENT with what is wrong, mostly in the words of Google's emulator.
 */
export const readExport = async (overallFile: string): Promise<ExportedDocument[]> => {
  const overall = await readOr(overallFile, 'Failed to parse overall export metadata file')
  try {
    const documents: ExportedDocument[] = []
    for (const { metadataFile } of decodeOverall(overall)) {
      const part = inside(dirname(overallFile), metadataFile)
      const metadata = await readOr(part, `${part} (No such file or directory)`)
      for (const name of decodeOutputFiles(metadata)) {
        const output = inside(dirname(part), name)
        for (const document of documentsIn(output, await readOr(output, `Failed parse entity file:${output}`))) {
          documents.push(document)
        }
      }
    }
    return documents
  } catch (error) {
    if (error instanceof VersionError || error instanceof LogError) throw invalid(error.message)
    if (error instanceof WireError) throw invalid(`Invalid entity in the export: ${error.message}`)
    throw error
  }
}
