import { mkdir, open, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Database } from '../store/database.ts'
import { documentsNow } from '../store/snapshot.ts'
import { encodeEntity } from './entity.ts'
import { LogEncoder } from './leveldb-log.ts'
import { encodeOverall, encodePart } from './metadata.ts'

const PART_FOLDER = 'all_namespaces/all_kinds'
const PART_METADATA = `${PART_FOLDER}/all_namespaces_all_kinds.export_metadata`
const OUTPUT_FILE = 'output-0'
const CHUNK_BYTES = 1024 * 1024

/** Writes the entities of documents to a file. Resolves to how many bytes those are. */
const writeOutput = async (
  path: string,
  { name, documents }: { name: string; documents: ReturnType<typeof documentsNow> },
): Promise<number> => {
  const [, project = '', , database = ''] = name.split('/')
  const file = await open(path, 'w')
  try {
    const log = new LogEncoder()
    let chunks: Uint8Array[] = []
    let gathered = 0
    let written = 0
    const flush = async () => {
      await file.writeFile(Buffer.concat(chunks))
      written += gathered
      chunks = []
      gathered = 0
      // Others have their turn, however fast the disk is.
      await nextTurn()
    }
    for (const [node, { fields }] of documents) {
      for (const chunk of log.encode(encodeEntity(project, database, node.segments, fields))) {
        chunks.push(chunk)
        gathered += chunk.length
      }
      if (gathered >= CHUNK_BYTES) await flush()
    }
    await flush()
    return written
  } finally {
    await file.close()
  }
}

/**
 * Writes all documents of a database, as they are at one moment, to `{folder}/{name}` in the format of
 * `gcloud firestore export` and of Google's emulator; an export of that name is replaced. `now` gives microseconds.
 * Rejects with the system's error.
 */
export const writeExport = async (
  database: Database,
  { folder, name, now }: { folder: string; name: string; now: () => number },
): Promise<void> => {
  const documents = documentsNow(database)
  const root = join(folder, name)
  const overall = join(root, `${name}.overall_export_metadata`)
  await mkdir(root, { recursive: true })
  // Without it, what is half written is no export.
  await rm(overall, { force: true })
  if (documents.length === 0) return writeFile(overall, encodeOverall([]))
  const beginMicros = now()
  await mkdir(join(root, PART_FOLDER), { recursive: true })
  const bytes = await writeOutput(join(root, PART_FOLDER, OUTPUT_FILE), { name: database.name, documents })
  const outputFiles = [OUTPUT_FILE]
  await writeFile(join(root, PART_METADATA), encodePart({ name, beginMicros, endMicros: now(), outputFiles }))
  await writeFile(overall, encodeOverall([{ metadataFile: PART_METADATA, entities: documents.length, bytes }]))
}
