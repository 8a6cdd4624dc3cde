import { readFile, rename, writeFile } from 'node:fs/promises'
import protobuf from 'protobufjs'
import type { Engine } from './engine.ts'
import { parseDocumentName } from './names.ts'
import type { PendingChange } from './store/database.ts'
import { descendants } from './store/tree.ts'
import { decodeDocument, encodeDocument } from './values/codec.ts'
import { documentSize } from './values/limits.ts'

/**
 * Writes the latest version of every document to `file`: `google.firestore.v1.Document` messages, each after its length.
 * The file is replaced whole or not at all.
 */
export const saveDocuments = async (engine: Engine, file: string): Promise<void> => {
  const writer = protobuf.Writer.create()
  for (const { root } of engine.store.databases)
    for (const node of descendants(root)) {
      const version = node.at()
      if (version) encodeDocument(node.toMessage(version), writer.fork()).ldelim()
    }
  await writeFile(`${file}.new`, writer.finish())
  await rename(`${file}.new`, file)
}

/**
 * Puts the documents of a file that `saveDocuments` wrote into an engine that is still empty, in one commit, which is
 * when they count as created. A file that is not there holds none.
 */
export const loadDocuments = async (engine: Engine, file: string): Promise<void> => {
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return new Uint8Array()
    throw error
  })
  const reader = protobuf.Reader.create(bytes)
  const time = engine.store.timeline.commit()
  const pending = new Map<string, PendingChange[]>()
  while (reader.pos < reader.len) {
    const { name, fields } = decodeDocument(reader, reader.uint32())
    const { database, segments } = parseDocumentName(name)
    const changes = pending.get(database) ?? []
    changes.push({ segments, before: null, fields, createTime: time, size: documentSize(segments, fields) })
    pending.set(database, changes)
  }
  for (const [database, changes] of pending) engine.store.apply(engine.database(database), changes, time)
}
